import { createPublicKey, type KeyObject, verify } from "node:crypto"
import * as v from "valibot"
import { fromHex, fromUtf8, utf8 } from "../../base/bytes.ts"
import { canonicalJson } from "../../base/canonical.ts"
import { sha256 } from "../../base/hash.ts"
import { signingBytes } from "../../base/signing.ts"
import { type Json, parseJson } from "../../schema/json.ts"
import { type ServiceRequest, ServiceRequestSchema } from "../../schema/service-message.ts"

export type CheckedRequest =
  | { readonly ok: true; readonly request: ServiceRequest }
  | { readonly ok: false; readonly reason: string }

/**
 * Whether bytes are a request of this Core: its form, its sender, and the sender's signature, in this order and before
 * anything in it is used. See docs/spec/service.md#messages.
 * @param core the node key of the Core that the service trusts, 64 hex digits
 */
export function checkRequest(payload: Uint8Array, core: string): CheckedRequest {
  const text = fromUtf8(payload)
  const parsed = text === null ? { ok: false as const, message: "invalid UTF-8" } : parseJson(text)
  if (!parsed.ok) return { ok: false, reason: `is no JSON: ${parsed.message}` }
  const shaped = v.safeParse(ServiceRequestSchema, parsed.value)
  if (!shaped.success) return { ok: false, reason: "has not the form of a request" }
  const request = shaped.output
  if (request.from !== core) return { ok: false, reason: `is from ${request.from}, not from this service's Core` }
  // What was signed is the message as it came, unknown members included.
  const { sig: _, ...signed } = parsed.value as { readonly [name: string]: Json }
  const bytes = signingBytes("service", fromHex(request.chain)!, sha256(utf8(canonicalJson(signed))))
  if (!verify(null, bytes, publicKey(core), fromHex(request.sig)!))
    return { ok: false, reason: "has a wrong signature" }
  return { ok: true, request }
}

function publicKey(hex: string): KeyObject {
  const x = Buffer.from(hex, "hex").toString("base64url")
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" })
}
