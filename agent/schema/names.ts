import * as v from "valibot"
import type { ApplicationName, ExecutionId, ServiceId } from "../base/ids.ts"
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
export const ApplicationNameSchema = v.pipe(
  named(KEBAB, "an application name"),
  v.transform((name) => name as ApplicationName),
)
export const ExecutionIdSchema = v.pipe(
  v.string(),
  v.regex(/^ex_[0-9a-hjkmnp-tv-z]{26}$/, "an execution id is ex_ and 26 digits"),
  v.transform((id) => id as ExecutionId),
)
export const EventIdSchema = v.pipe(v.string(), v.minLength(1), v.maxLength(EVENT_ID_LENGTH_MAX))
export const SemverSchema = v.pipe(
  v.string(),
  v.regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, "a version is like 1.2.0"),
)
/** Base units of the token as a decimal string: money is never a number at the border. */
export const AmountSchema = v.pipe(v.string(), v.regex(/^(?:0|[1-9]\d{0,38})$/, "an amount is a string of digits"))
export const HexSchema = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})*$/, "lower-case hex digits"))
