import * as v from "valibot"
import { KeySchema, EventIdSchema, ServiceIdSchema, SettingNameSchema } from "../../../schema/names.ts"
import { JsonObjectSchema, JsonSchema, type OperationSchemas, pagingBy, pageOf, TimeSchema } from "./common.ts"

export const ServiceViewSchema = v.object({
  id: v.string(),
  name: v.string(),
  version: v.string(),
  description: v.string(),
  /** Where it runs: in the agent, in a child process, or behind MQTT. */
  kind: v.picklist(["in-process", "confined", "mqtt"]),
  shipped: v.boolean(),
  networkAny: v.boolean(),
  state: v.picklist(["running", "starting", "stopped", "failed", "needs-configuration", "offline"]),
  error: v.nullable(v.object({ code: v.string(), message: v.string() })),
  events: v.array(v.string()),
  tasks: v.array(v.string()),
  restarts: v.number(),
  memoryBytes: v.nullable(v.number()),
  /** Secret settings that must be set again: they were sealed under the key of another home. */
  lostSecrets: v.array(v.string()),
  /** What it warned of while it started last: it runs, but not as its owner may think. */
  warnings: v.array(v.object({ message: v.string(), remedy: v.nullable(v.string()) })),
})

export const RefusedEventSchema = v.object({
  service: v.string(),
  event: v.string(),
  id: v.nullable(v.string()),
  time: TimeSchema,
  code: v.string(),
  reason: v.string(),
})

/** Refused events are numbered as they come. */
const RefusedPlace = v.pipe(v.string(), v.regex(/^\d{1,15}$/))
const Params = v.strictObject({ id: ServiceIdSchema })
const Settings = v.record(SettingNameSchema, JsonSchema)

export const SERVICE_SCHEMAS = {
  "service.list": { query: v.strictObject(pagingBy(ServiceIdSchema)), output: pageOf(ServiceViewSchema) },
  "service.show": {
    params: Params,
    output: v.object({ ...ServiceViewSchema.entries, manifest: JsonObjectSchema, config: JsonObjectSchema }),
  },
  "service.add": {
    body: v.strictObject({
      /** As of ServiceSources. */
      source: v.pipe(
        v.string(),
        v.maxLength(4096),
        v.regex(/^(?:\/|https?:\/\/|npm:)[^\0]+$/, "an absolute path on the gateway, an http(s) address or npm:NAME"),
      ),
      trust: v.optional(v.boolean(), false),
      networkAny: v.optional(v.boolean(), false),
      config: v.optional(Settings),
    }),
    output: ServiceViewSchema,
  },
  "service.remove": { params: Params },
  "service.configure": { params: Params, body: Settings, output: ServiceViewSchema },
  "service.call": {
    params: v.strictObject({ id: ServiceIdSchema, task: KeySchema }),
    body: v.strictObject({ inputs: v.optional(JsonSchema, {}) }),
    /** `status` and `data` only once it ended. */
    output: v.object({ execution: v.string(), status: v.optional(v.string()), data: v.optional(JsonSchema) }),
  },
  "event.emit": {
    params: v.strictObject({ id: ServiceIdSchema, event: KeySchema }),
    body: v.strictObject({ data: JsonSchema, id: v.optional(EventIdSchema) }),
    output: v.object({
      event: v.object({ service: v.string(), event: v.string(), id: v.nullable(v.string()), time: TimeSchema }),
      /** Whether an event with this id was taken before; then nothing new was started. */
      duplicate: v.boolean(),
      /** The executions it started. */
      executions: v.array(v.string()),
    }),
  },
  "event.refused": { query: v.strictObject(pagingBy(RefusedPlace)), output: pageOf(RefusedEventSchema) },
} as const satisfies Record<string, OperationSchemas>
