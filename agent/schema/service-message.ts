import * as v from "valibot"
import { HexSchema } from "./names.ts"

/**
 * A task, verify or recover request to a Service over MQTT. See docs/spec/service.md#messages.
 * `sig` is hex Ed25519 by the Core's node key over ASCII `mesg/v1/service`, 0x00, the 32 bytes of `chain`, and
 * sha256 of the RFC 8785 JSON of the message without `sig`.
 */
export const ServiceRequestSchema = v.looseObject({
  execution: v.string(),
  task: v.string(),
  inputs: v.unknown(),
  /** Only in verify requests: the result to judge. */
  result: v.optional(v.unknown()),
  /** ISO 8601; after it the answer no longer counts. */
  deadline: v.string(),
  /** The Core's node key: 64 hex digits. */
  from: v.pipe(HexSchema, v.length(64)),
  /** sha256(genesis) of the chain the Core is on, zeros while it has joined none. */
  chain: v.pipe(HexSchema, v.length(64)),
  sig: v.pipe(HexSchema, v.length(128)),
})
export type ServiceRequest = v.InferOutput<typeof ServiceRequestSchema>

/** The answer on `mesg/v1/<service>/result/<execution>`: exactly one status with its data, or an error. */
export const ServiceAnswerSchema = v.union([
  v.object({ status: v.pipe(v.string(), v.minLength(1), v.maxLength(63)), data: v.optional(v.unknown(), {}) }),
  v.object({ error: v.object({ code: v.string(), message: v.string() }) }),
])
export type ServiceAnswer = v.InferOutput<typeof ServiceAnswerSchema>

/** Topics of the bridge: `mesg/v1/<service>/…`. */
export const TOPIC_ROOT = "mesg/v1"
export const serviceTopic = {
  manifest: (service: string) => `${TOPIC_ROOT}/${service}/manifest`,
  status: (service: string) => `${TOPIC_ROOT}/${service}/status`,
  event: (service: string, event: string) => `${TOPIC_ROOT}/${service}/event/${event}`,
  task: (service: string, task: string) => `${TOPIC_ROOT}/${service}/task/${task}`,
  verify: (service: string, task: string) => `${TOPIC_ROOT}/${service}/verify/${task}`,
  recover: (service: string, task: string) => `${TOPIC_ROOT}/${service}/recover/${task}`,
  result: (service: string, execution: string) => `${TOPIC_ROOT}/${service}/result/${execution}`,
  feedEvent: (service: string, event: string) => `${TOPIC_ROOT}/feed/event/${service}/${event}`,
  feedExecution: (app: string, workflow: string) => `${TOPIC_ROOT}/feed/execution/${app}/${workflow}`,
}
