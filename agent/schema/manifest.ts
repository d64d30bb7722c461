import * as v from "valibot"
import { DESCRIPTION_LENGTH_MAX, DURATION_MS_MAX, RETRY_ATTEMPTS_MAX, RETRY_DELAY_MS_MAX } from "../base/limits.ts"
import type { JsonObject } from "./json.ts"
import {
  AmountSchema,
  BUILT_IN_STATUSES,
  KeySchema,
  SemverSchema,
  ServiceIdSchema,
  SettingNameSchema,
} from "./names.ts"
import { FormsSchema, RedactSchema } from "./redact.ts"

/** A JSON Schema document (2020-12) for data of this service; compiled by data-schema.ts. */
const DataSchema = v.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "a JSON Schema object",
)

const Milliseconds = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(DURATION_MS_MAX))

export const RetrySchema = v.strictObject({
  attempts: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(RETRY_ATTEMPTS_MAX)), 1),
  backoffMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(RETRY_DELAY_MS_MAX)), 500),
  factor: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(10)), 2),
})

const EventSchema = v.strictObject({
  name: v.optional(v.string()),
  description: v.optional(v.pipe(v.string(), v.maxLength(DESCRIPTION_LENGTH_MAX))),
  data: DataSchema,
  /** What of the data is kept but not shown. */
  redact: v.optional(RedactSchema),
  forms: v.optional(FormsSchema),
  /** The fields that make two reports of different nodes the same event. */
  identity: v.optional(v.array(v.string())),
  witness: v.optional(v.picklist(["single", "many"]), "single"),
})

const StatusSchema = v.strictObject({
  description: v.optional(v.pipe(v.string(), v.maxLength(DESCRIPTION_LENGTH_MAX))),
  data: v.optional(DataSchema, {}),
})

const StatusNameSchema = v.pipe(
  KeySchema,
  v.check(
    (status) => !(BUILT_IN_STATUSES as readonly string[]).includes(status),
    "`error`, `timed-out` and `cancelled` are built in and cannot be declared",
  ),
)

const TaskSchema = v.strictObject({
  name: v.optional(v.string()),
  description: v.optional(v.pipe(v.string(), v.maxLength(DESCRIPTION_LENGTH_MAX))),
  inputs: v.optional(DataSchema, {}),
  /** What of the inputs, and of the data of every status, is kept but not shown. */
  redact: v.optional(RedactSchema),
  forms: v.optional(FormsSchema),
  statuses: v.pipe(
    v.record(StatusNameSchema, StatusSchema),
    v.check((statuses) => Object.keys(statuses).length > 0, "a task declares at least one status"),
  ),
  /** pure: may run again anywhere; idempotent: may run again with the same execution id; effectful: never silently again. */
  effect: v.optional(v.picklist(["pure", "idempotent", "effectful"]), "effectful"),
  verify: v.optional(v.picklist(["none", "replay", "check", "attest", "device-signed"]), "none"),
  dedupe: v.optional(v.picklist(["local", "network"]), "local"),
  compare: v.optional(v.looseObject({ mode: v.picklist(["identical", "tolerance", "fields"]) })),
  timeoutMs: v.optional(Milliseconds),
  /** How many of its executions may run at once on this Core. */
  concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))),
  retry: v.optional(RetrySchema),
  examples: v.optional(
    v.array(v.strictObject({ inputs: DataSchema, status: v.string(), data: v.optional(DataSchema) })),
  ),
})

const ConfigEntrySchema = v.looseObject({ secret: v.optional(v.boolean()) })

/** `service.yml`: everything the Core knows of a Service. See docs/spec/service.md. */
export const ManifestSchema = v.strictObject({
  id: ServiceIdSchema,
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  version: SemverSchema,
  description: v.optional(v.pipe(v.string(), v.maxLength(DESCRIPTION_LENGTH_MAX)), ""),
  license: v.optional(v.string()),
  price: v.optional(
    v.strictObject({ perTask: v.optional(AmountSchema, "0"), perEvent: v.optional(AmountSchema, "0") }),
  ),
  constraints: v.optional(
    v.strictObject({
      arch: v.optional(v.array(v.picklist(["x64", "arm64"]))),
      memoryMb: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_536))),
      devices: v.optional(v.array(v.string())),
      network: v.optional(v.array(v.string())),
    }),
  ),
  permissions: v.optional(
    v.strictObject({
      network: v.optional(v.array(v.string()), []),
      files: v.optional(v.array(v.string()), []),
      env: v.optional(v.array(v.string()), []),
      commands: v.optional(v.array(v.string()), []),
    }),
  ),
  isolation: v.optional(v.picklist(["in-process", "confined"]), "confined"),
  config: v.optional(v.record(SettingNameSchema, ConfigEntrySchema), {}),
  events: v.optional(v.record(KeySchema, EventSchema), {}),
  tasks: v.optional(v.record(KeySchema, TaskSchema), {}),
})

export type Manifest = v.InferOutput<typeof ManifestSchema>
export type ManifestInput = v.InferInput<typeof ManifestSchema>
export type ManifestTask = Manifest["tasks"][string]
export type ManifestEvent = Manifest["events"][string]
export type Retry = v.InferOutput<typeof RetrySchema>
export type Effect = ManifestTask["effect"]
