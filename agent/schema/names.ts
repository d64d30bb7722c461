import * as v from "valibot"
import { type ApplicationName, CALLED, type ExecutionId, type ServiceId } from "../base/ids.ts"
import { EVENT_ID_LENGTH_MAX, NAME_LENGTH_MAX } from "../base/limits.ts"

/** Statuses that every task has beside its declared ones. Their data is `{code, message}`. */
export const BUILT_IN_STATUSES = ["error", "timed-out", "cancelled"] as const
export type BuiltInStatus = (typeof BUILT_IN_STATUSES)[number]

export function isBuiltInStatus(status: string): status is BuiltInStatus {
  return (BUILT_IN_STATUSES as readonly string[]).includes(status)
}

/** `feed` is the agent's own branch of the MQTT tree, `app` the prefix of applications used as tasks. */
const RESERVED_SERVICE_IDS = ["feed", "app"]

const KEBAB = /^[a-z][a-z0-9-]*$/
const named = (pattern: RegExp, what: string) =>
  v.pipe(v.string(), v.maxLength(NAME_LENGTH_MAX), v.regex(pattern, `${what} must match ${pattern.source}`))

export const ServiceIdSchema = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,62}$/, "a service id must match [a-z][a-z0-9-]{0,62}"),
  v.check((id) => !RESERVED_SERVICE_IDS.includes(id), "`feed` and `app` are reserved and cannot be service ids"),
  v.transform((id) => id as ServiceId),
)
/** Ids of events, tasks, statuses and settings inside a manifest. */
export const KeySchema = named(KEBAB, "a key")
/** Settings are identifiers in camelCase or kebab-case: `rpcUrl`. */
export const SettingNameSchema = named(/^[a-zA-Z][A-Za-z0-9_-]*$/, "a setting")
/** Tasks of a workflow are identifiers, so that expressions can name them: `tasks.pay.data`. */
export const TaskNameSchema = named(/^[a-z][A-Za-z0-9_]*$/, "a task name")
/** What an execution says that it belongs to: an application, or CALLED. */
export const ExecutionOwnerSchema = named(KEBAB, "an application name")
export const ApplicationNameSchema = v.pipe(
  ExecutionOwnerSchema,
  v.check((name) => name !== CALLED, `\`${CALLED}\` is reserved and cannot be the name of an application`),
  v.transform((name) => name as ApplicationName),
)
export const ExecutionIdSchema = v.pipe(
  v.string(),
  v.regex(/^ex_[0-9a-hjkmnp-tv-z]{26}$/, "an execution id is ex_ and 26 digits"),
  v.transform((id) => id as ExecutionId),
)
/** What people and programs may name an execution by: its own id, or that of one of its tasks. */
export const ExecutionReferenceSchema = v.pipe(
  v.string(),
  v.regex(
    /^ex_[0-9a-hjkmnp-tv-z]{26}(?:\.[a-z][A-Za-z0-9_]{0,62})?$/,
    "an execution id is ex_ and 26 digits; the name of a task may follow after a dot",
  ),
  v.transform((id) => id.split(".", 1)[0] as ExecutionId),
)

export const EVENT_ID_RULE = `an event id has 1 to ${EVENT_ID_LENGTH_MAX} characters, and is one level of an MQTT topic: no /, + or #`
/** A lone half of a character is no UTF-8, so MQTT could not carry it either. */
export function isEventId(id: string): boolean {
  return id.length <= EVENT_ID_LENGTH_MAX && /^[^/+#\0]+$/.test(id) && id.isWellFormed()
}
export const EventIdSchema = v.pipe(v.string(), v.check(isEventId, EVENT_ID_RULE))
export const SemverSchema = v.pipe(
  v.string(),
  v.regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, "a version is like 1.2.0"),
)
/** Base units of the token as a decimal string: money is never a number at the border. */
export const AmountSchema = v.pipe(v.string(), v.regex(/^(?:0|[1-9]\d{0,38})$/, "an amount is a string of digits"))
export const HexSchema = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})*$/, "lower-case hex digits"))

/** Names of members that JavaScript keeps for itself; records of a schema leave them out. */
export const LOST_NAMES: readonly string[] = ["constructor", "prototype", "__proto__"]
