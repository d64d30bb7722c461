import type { Height, Proposal, Vote } from "../../../agent/core/consensus/terms.ts"

/** Signed by its voter or proposer: nobody can make one in the name of a correct process. */
export type Signed =
  | { readonly kind: "vote"; readonly vote: Vote }
  | { readonly kind: "proposal"; readonly proposal: Proposal; readonly polka: readonly Vote[] | null }

export type Message =
  | Signed
  /** What a process has of its height: whoever has more answers with it. */
  | { readonly kind: "have"; readonly height: Height; readonly ids: ReadonlySet<string> }
  /** A height that is decided, with its proof. */
  | { readonly kind: "decided"; readonly proposal: Proposal; readonly commit: readonly Vote[] }

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
export function slotOf(message: Signed): string {
  if (message.kind === "vote") return `${message.vote.height} ${message.vote.round} ${message.vote.type}`
  return `${message.proposal.height} ${message.proposal.round} proposal`
}

export function signerOf(message: Signed): string {
  return message.kind === "vote" ? message.vote.voter : message.proposal.proposer
}

/** Everybody can see whether a value is valid; faulty processes make others. */
export function isValid(value: string): boolean {
  return !value.startsWith("bad")
}
