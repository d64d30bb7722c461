/*
 * What a key may sign, by what it signed last. Rules: docs/spec/consensus.md#sign-state.
 *
 * | rule | signed last                              | asked for                     | answer          |
 * |------|------------------------------------------|-------------------------------|-----------------|
 * | G1   | the key is dead                          | anything                      | KEY_DEAD        |
 * | G2   | a later height, or its later round       | anything                      | SIGN_REGRESSION |
 * | G3   | this slot                                | the same bytes                | the signature   |
 * | G4   | this slot                                | other bytes                   | SIGN_CONFLICT   |
 * | G5   | the precommit of this height and round   | its prevote                   | SIGN_REGRESSION |
 * | G6   | anything else                            | anything                      | a new signature |
 *
 * A proposal may come after the votes of its round: its value may be longer in coming than the timer (D8).
 */
import type { Said } from "./driver/state.ts"
import type { Slot } from "./message.ts"
import { type Height, NO_ROUND, type Round } from "./terms.ts"

/** Bytes, and the signature that was made of them. */
export interface Signature {
  readonly bytes: Uint8Array
  readonly signature: Uint8Array
}

/** Of one key on one chain. */
export interface SignState {
  /** Of what was signed last; -1 where nothing was. */
  readonly height: Height
  readonly round: Round
  /** In that height and round. */
  readonly signed: Readonly<Record<Said, Signature | null>>
  /** How many bytes of the height's log were on the disk when it was signed: it follows from them. */
  readonly logged: number
  /** Why the key signs nothing any more; null while it does. */
  readonly dead: string | null
}

export type SignRefusal = "KEY_DEAD" | "SIGN_REGRESSION" | "SIGN_CONFLICT"
export type SignVerdict =
  | { readonly kind: "new" }
  | { readonly kind: "again"; readonly signature: Uint8Array }
  | { readonly kind: "refused"; readonly code: SignRefusal }

const NOTHING: SignState["signed"] = { proposal: null, prevote: null, precommit: null }

/** Of a key that never signed on this chain. */
export const UNSIGNED: SignState = { height: -1, round: NO_ROUND, signed: NOTHING, logged: 0, dead: null }

/** @returns whether these bytes may be signed for that slot */
export function judge(state: SignState, slot: Slot, bytes: Uint8Array): SignVerdict {
  if (state.dead !== null) return { kind: "refused", code: "KEY_DEAD" } // G1
  const order = compare(slot, state)
  if (order < 0) return { kind: "refused", code: "SIGN_REGRESSION" } // G2
  if (order > 0) return { kind: "new" } // G6
  const { [slot.step]: before, precommit } = state.signed
  if (before !== null && isSame(before.bytes, bytes)) return { kind: "again", signature: before.signature } // G3
  if (before !== null) return { kind: "refused", code: "SIGN_CONFLICT" } // G4
  if (slot.step === "prevote" && precommit !== null) return { kind: "refused", code: "SIGN_REGRESSION" } // G5
  return { kind: "new" } // G6
}

/** The state once a slot is signed that `judge` let pass. @param logged as in the state */
export function withSignature(state: SignState, slot: Slot, signature: Signature, logged: number): SignState {
  const { height, round, step } = slot
  const signed = compare(slot, state) === 0 ? state.signed : NOTHING
  return { ...state, height, round, signed: { ...signed, [step]: signature }, logged }
}

/**
 * G7: whether a key with this state cannot have made that signature, which is its own: somebody else has the key, or an
 * older state was put in the place of the newest.
 */
export function isBeyond(state: SignState, slot: Slot, bytes: Uint8Array): boolean {
  const verdict = judge({ ...state, dead: null }, slot, bytes)
  return verdict.kind === "new" || (verdict.kind === "refused" && verdict.code === "SIGN_CONFLICT")
}

/** By height, then round. */
function compare(slot: Slot, state: SignState): number {
  return slot.height === state.height ? slot.round - state.round : slot.height - state.height
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}
