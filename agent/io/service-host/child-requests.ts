import * as v from "valibot"
import {
  EVENT_ID_LENGTH_MAX,
  MQTT_TOPIC_LENGTH_MAX,
  NAME_LENGTH_MAX,
  SERVICE_LOG_MESSAGE_LENGTH_MAX,
} from "../../base/limits.ts"
import type { Json } from "../../schema/json.ts"

/** What a confined service's process may ask of the agent. It is not trusted: every request is parsed before it counts. */
const Text = (max: number) => v.pipe(v.string(), v.maxLength(max))
const JsonValue = v.custom<Json>((value) => value !== undefined)
const Number = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const Qos = v.picklist([0, 1, 2])
const Base64 = v.pipe(
  v.string(),
  v.check((text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0, "is no base64"),
  v.transform((text) => Uint8Array.fromBase64(text)),
)
const Key = Text(256)
const Topic = Text(MQTT_TOPIC_LENGTH_MAX)

export const REQUESTS = {
  emit: v.strictObject({
    event: Text(NAME_LENGTH_MAX),
    data: JsonValue,
    id: v.nullable(v.pipe(Text(EVENT_ID_LENGTH_MAX), v.minLength(1))),
    patient: v.boolean(),
  }),
  get: v.strictObject({ key: Key }),
  set: v.strictObject({ key: Key, value: v.optional(JsonValue) }),
  publish: v.strictObject({ topic: Topic, payload: Base64, qos: Qos, retain: v.boolean() }),
  subscribe: v.strictObject({ number: Number, filter: Topic, event: v.nullable(v.string()) }),
  webhook: v.strictObject({ number: Number, path: Text(256) }),
  close: v.strictObject({ number: Number }),
  connect: v.strictObject({
    number: Number,
    host: Text(255),
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
    tls: v.boolean(),
  }),
  fetch: v.strictObject({
    number: Number,
    url: Text(8192),
    method: v.pipe(v.string(), v.regex(/^[A-Z]{1,20}$/)),
    headers: v.pipe(v.array(v.strictTuple([Text(256), Text(16_384)])), v.maxLength(128)),
    body: Base64,
    redirect: v.picklist(["follow", "error", "manual"]),
  }),
  read: v.strictObject({ number: Number }),
  write: v.strictObject({ number: Number, chunk: Base64 }),
  end: v.strictObject({ number: Number }),
} as const

export type ChildRequest = {
  [Op in keyof typeof REQUESTS]: { readonly op: Op; readonly args: v.InferOutput<(typeof REQUESTS)[Op]> }
}[keyof typeof REQUESTS]

/** @returns null where it is no request that a service's process makes */
export function parseRequest(op: string, args: Json): ChildRequest | null {
  if (!Object.hasOwn(REQUESTS, op)) return null
  const parsed = v.safeParse(REQUESTS[op as keyof typeof REQUESTS], args)
  return parsed.success ? ({ op, args: parsed.output } as ChildRequest) : null
}

const Code = v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/))
const Message = v.pipe(
  v.string(),
  v.transform((text) => text.slice(0, 4096)),
)
const Result = v.strictObject({ kind: v.literal("result"), status: Text(NAME_LENGTH_MAX), data: JsonValue })

/** What it may answer. */
export const TaskAnswerSchema = v.union([
  Result,
  v.strictObject({
    kind: v.literal("error"),
    code: v.fallback(Code, "SERVICE_THREW"),
    message: Message,
    outcome: v.picklist(["known", "unknown"]),
  }),
])
export const RecoverAnswerSchema = v.union([Result, v.strictObject({ kind: v.picklist(["not-done", "unknown"]) })])
const Names = v.pipe(v.array(Text(NAME_LENGTH_MAX)), v.maxLength(1000))
export const LoadedSchema = v.strictObject({ tasks: Names, verify: Names, recover: Names })
export const WebhookResponseSchema = v.object({
  status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
  body: v.optional(v.string()),
  headers: v.optional(v.record(v.string(), v.string())),
})
export const LogSchema = v.strictObject({
  level: v.picklist(["debug", "info", "warn", "error"]),
  message: Text(SERVICE_LOG_MESSAGE_LENGTH_MAX),
  fields: v.record(v.string(), JsonValue),
})
export const DyingSchema = v.strictObject({ code: Code, message: Message })
