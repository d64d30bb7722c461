import { fromHex, toHex, utf8 } from "../../base/bytes.ts"
import { canonicalJson } from "../../base/canonical.ts"
import { sha256 } from "../../base/hash.ts"
import { signingBytes } from "../../base/signing.ts"
import type { Keys } from "../../ports/keys.ts"
import type { TaskCall } from "../../ports/service-host.ts"
import type { Json } from "../../schema/json.ts"
import type { ServiceRequest } from "../../schema/service-message.ts"

/** The chain of a Core that has joined none. */
export const NO_CHAIN = "00".repeat(32)

/** A request to a service behind MQTT, signed by the node key. See docs/spec/service.md#messages */
export function signedRequest(call: TaskCall, keys: Keys, result?: { status: string; data: Json }): ServiceRequest {
  const message = {
    execution: call.execution,
    task: call.task,
    inputs: call.inputs,
    ...(result === undefined ? {} : { result }),
    deadline: new Date(call.deadlineMs).toISOString(),
    from: keys.nodeKey,
    chain: NO_CHAIN,
  }
  const digest = sha256(utf8(canonicalJson(message)))
  return { ...message, sig: toHex(keys.sign(signingBytes("service", fromHex(NO_CHAIN)!, digest))) }
}
