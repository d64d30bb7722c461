import { toHex, utf8 } from "../../../agent/base/bytes.ts"
import { sha256 } from "../../../agent/base/hash.ts"
import {
  type SignedMessage,
  type SignedProposal,
  type SignedVote,
  slotOf,
} from "../../../agent/core/consensus/message.ts"
import type { Height, ValueId } from "../../../agent/core/consensus/terms.ts"

/** Nobody can make one in the name of a correct process. */
export type Signed = SignedMessage

export type Message =
  | Signed
  /** What a process has of its height: whoever has more answers with it. */
  | { readonly kind: "have"; readonly height: Height; readonly ids: ReadonlySet<string> }
  /** A height that is decided, with its proof. */
  | { readonly kind: "decided"; readonly proposal: SignedProposal; readonly commit: readonly SignedVote[] }
  /** Who was started asks what others hold that it said. */
  | { readonly kind: "ask-newest" }
  | { readonly kind: "newest"; readonly said: readonly Signed[] }

/** The same text for the same content. */
export function idOf(message: Signed): string {
  if (message.kind === "vote") {
    const { type, height, round, value, voter } = message.vote
    return `${type} ${height} ${round} ${voter} ${value}`
  }
  const { height, round, value, polRound, proposer } = message.proposal
  return `proposal ${height} ${round} ${proposer} ${value} ${polRound}`
}

/** What may be signed once: everything but what is said. */
export function keyOf(message: Signed): string {
  const { height, round, step } = slotOf(message)
  return `${height} ${round} ${step}`
}

export function signatureOf(message: Signed): string {
  return toHex(message.kind === "vote" ? message.vote.signature : message.proposal.signature)
}

/** A value that everybody takes, another for each text; its last digit is 0. */
export function valueOf(text: string): ValueId {
  return `00${toHex(sha256(utf8(text))).slice(2, -1)}0` as ValueId
}

/** The value that a faulty process says instead, to those on the other side. */
export function twinOf(value: ValueId): ValueId {
  return `${value.slice(0, -1)}1` as ValueId
}

export function untwinned(value: ValueId): ValueId {
  return `${value.slice(0, -1)}0` as ValueId
}

/** One that nobody correct takes. */
export function spoiled(value: ValueId): ValueId {
  return `bad${value.slice(3)}` as ValueId
}

export function isValid(value: string): boolean {
  return !value.startsWith("bad")
}
