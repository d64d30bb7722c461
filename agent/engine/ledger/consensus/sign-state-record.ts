import * as v from "valibot"
import { concatBytes, toHex } from "../../../base/bytes.ts"
import { type Canonical, decodeCanonical, encodeCanonical } from "../../../base/canonical.ts"
import { sha256 } from "../../../base/hash.ts"
import type { SignState, Signature } from "../../../core/consensus/sign-state.ts"

/*
 * The file of a sign-state: the SHA-256 of what follows, then one canonical item,
 * [version, chain, key, height, round, [proposal, prevote, precommit], logged, why it is dead or null].
 * Of each step [bytes, signature], or null. docs/spec/consensus.md#sign-state
 */
const VERSION = 1
const HASH_BYTES = 32

const bytes = v.instance(Uint8Array)
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(-1))
const signature = v.nullable(v.strictTuple([bytes, bytes]))
const RecordSchema = v.strictTuple([
  v.literal(VERSION),
  bytes,
  v.string(),
  whole,
  whole,
  v.strictTuple([signature, signature, signature]),
  v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  v.nullable(v.string()),
])

export type ReadSignState =
  | { readonly ok: true; readonly state: SignState }
  | { readonly ok: false; readonly reason: string }

export function encodeSignState(chain: Uint8Array, key: string, state: SignState): Uint8Array {
  const { height, round, signed, logged, dead } = state
  const steps = [signed.proposal, signed.prevote, signed.precommit].map(pair)
  const body = encodeCanonical([VERSION, chain, key, height, round, steps, logged, dead])
  return concatBytes(sha256(body), body)
}

/** Total: any bytes, one answer. */
export function decodeSignState(file: Uint8Array, chain: Uint8Array, key: string): ReadSignState {
  const body = file.subarray(HASH_BYTES)
  if (toHex(sha256(body)) !== toHex(file.subarray(0, HASH_BYTES))) return refused("it is damaged")
  const decoded = decodeCanonical(body)
  const read = decoded.ok ? v.safeParse(RecordSchema, decoded.value) : null
  if (!read?.success) return refused("another version of the agent wrote it, or none did")
  const [, ofChain, ofKey, height, round, [proposal, prevote, precommit], logged, dead] = read.output
  if (toHex(ofChain) !== toHex(chain)) return refused("it is of another chain")
  if (ofKey !== key) return refused("it is of another key")
  const signed = { proposal: unpair(proposal), prevote: unpair(prevote), precommit: unpair(precommit) }
  return { ok: true, state: { height, round, signed, logged, dead } }
}

function pair(one: Signature | null): Canonical {
  return one === null ? null : [one.bytes, one.signature]
}

function unpair(one: readonly [Uint8Array, Uint8Array] | null): Signature | null {
  return one === null ? null : { bytes: one[0], signature: one[1] }
}

function refused(reason: string): ReadSignState {
  return { ok: false, reason }
}
