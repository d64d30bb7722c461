import { HELD_PROPOSALS_MAX, HELD_SIGNERS_MAX, HELD_VOTES_MAX, ROUND_VOTES_MAX } from "../../../base/network-limits.ts"
import { type SignedMessage, type SignedProposal, type SignedVote, signerOf } from "../../../core/consensus/message.ts"
import type { Address, Height } from "../../../core/consensus/terms.ts"

/**
 * What was said, for who lacks it: what was taken of the height that is being decided, and of every validator the newest. At
 * a height that goes on and on the oldest is let go: who lacks that needs the rounds that are now.
 */
export class Pool {
  #height: Height = 0
  #votes = new Map<string, SignedVote>()
  #proposals: readonly (SignedMessage & { kind: "proposal" })[] = []
  readonly #newestVote = new Map<Address, SignedVote>()
  readonly #newestProposal = new Map<Address, SignedProposal>()

  /** A message that consensus took, or said. */
  add(message: SignedMessage): void {
    const { height } = message.kind === "vote" ? message.vote : message.proposal
    if (height > this.#height) this.#begin(height)
    if (message.kind === "vote") {
      const { voter, type, round, value } = message.vote
      if (height === this.#height) keep(this.#votes, `${voter} ${type} ${round} ${value}`, message.vote, HELD_VOTES_MAX)
      remember(this.#newestVote, voter, message.vote)
    } else {
      if (height === this.#height) this.#proposals = [...this.#proposals, message].slice(-HELD_PROPOSALS_MAX)
      remember(this.#newestProposal, signerOf(message), message.proposal)
    }
  }

  has({ height, voter, type, round, value, signature }: SignedVote): boolean {
    if (height !== this.#height) return false
    const known = this.#votes.get(`${voter} ${type} ${round} ${value}`)
    return known !== undefined && Buffer.compare(known.signature, signature) === 0
  }

  /** The newest votes that one answer has room for. */
  votes(height: Height): readonly SignedVote[] {
    return height === this.#height ? [...this.#votes.values()].slice(-ROUND_VOTES_MAX) : []
  }

  /** The proposal of the latest round. */
  proposal(height: Height): (SignedMessage & { kind: "proposal" }) | null {
    if (height !== this.#height) return null
    return this.#proposals.reduce<(SignedMessage & { kind: "proposal" }) | null>(
      (latest, one) => (latest === null || one.proposal.round >= latest.proposal.round ? one : latest),
      null,
    )
  }

  newest(of: Address): { readonly vote: SignedVote | null; readonly proposal: SignedProposal | null } {
    return { vote: this.#newestVote.get(of) ?? null, proposal: this.#newestProposal.get(of) ?? null }
  }

  #begin(height: Height): void {
    this.#height = height
    this.#votes = new Map()
    this.#proposals = []
  }
}

function remember<Said extends { height: number; round: number; type?: string }>(
  newest: Map<Address, Said>,
  of: Address,
  said: Said,
): void {
  const known = newest.get(of)
  if (known === undefined || isLater(said, known)) keep(newest, of, said, HELD_SIGNERS_MAX)
}

/** The newest of all, at most so many. */
function keep<Name, Value>(all: Map<Name, Value>, name: Name, value: Value, max: number): void {
  all.delete(name)
  all.set(name, value)
  if (all.size > max) all.delete(all.keys().next().value!)
}

/** A precommit comes after the prevote of its round. */
function isLater<Said extends { height: number; round: number; type?: string }>(a: Said, b: Said): boolean {
  if (a.height !== b.height) return a.height > b.height
  if (a.round !== b.round) return a.round > b.round
  return a.type === "precommit"
}
