import { isDeepStrictEqual } from "node:util"
import type { Address, Height, ValueId, Vote, VoteType } from "../../agent/core/consensus/terms.ts"
import { begins, type Network, replay, type Unseen } from "./driver-replay.ts"
import { type Itf, type Tagged } from "./itf.ts"
import { readProposal, readVote } from "./tendermint-trace.ts"

/*
 * A process of the model takes what was delivered to it before it began a height all at once, and the trace does not
 * say what that was. A trace is one that the machine can have if some such deliveries explain it: so they are looked
 * for. Only messages that could have been there are tried: what the others had said by then and it does not hear later,
 * and votes of the faulty. What the process does with them is its own.
 */
export interface Step {
  readonly validator: string
  readonly input: Tagged
  readonly output?: Tagged
}

const TRIES_MAX = 5000
const UNSEEN_VOTES_MAX = 6

export class Search {
  readonly #network: Network
  readonly #steps: readonly Step[]
  readonly #faulty: readonly Address[]
  #tries = 0

  constructor(network: Network, steps: readonly Step[], faulty: readonly Address[]) {
    this.#network = network
    this.#steps = steps
    this.#faulty = faulty
  }

  /** @returns what the process does in each of its steps, explained as far as it can be */
  answers(me: Address): readonly Tagged[] {
    this.#tries = 0
    const own = this.#steps.filter(({ validator }) => validator === me)
    let unseen = this.#surelyUnseen(me)
    let height = 0
    // One beginning after the other: what came before a later one cannot explain what was done before it.
    for (const [i, { input }] of own.entries()) {
      if (!begins(input)) continue
      const next = own.findIndex((step, j) => j > i && begins(step.input))
      const until = own.slice(0, next < 0 ? own.length : next)
      unseen = this.#explained(me, until, height, unseen)
      height++
    }
    return this.#replayed(me, own, unseen)
  }

  #replayed(me: Address, own: readonly Step[], unseen: ReadonlyMap<Height, Unseen>): readonly Tagged[] {
    this.#tries++
    const inputs = own.map(({ input }) => input)
    return replay(this.#network, me, inputs, unseen)
  }

  /** @returns how many of its steps are explained */
  #score(me: Address, own: readonly Step[], unseen: ReadonlyMap<Height, Unseen>): number {
    const said = this.#replayed(me, own, unseen)
    const wrong = own.findIndex(({ output }, i) => output !== undefined && !isSame(output, said[i]!))
    return wrong < 0 ? own.length : wrong
  }

  /** Who begins with a decision or in a later round has everything that the others had said. */
  #surelyUnseen(me: Address): ReadonlyMap<Height, Unseen> {
    const found = new Map<Height, Unseen>()
    let height = 0
    for (const [i, { validator, input }] of this.#steps.entries()) {
      if (validator !== me || !begins(input)) continue
      if (input.tag === "PendingDInput") found.set(height, this.#said(me, height, i))
      height++
    }
    return found
  }

  #explained(
    me: Address,
    own: readonly Step[],
    height: Height,
    unseen: ReadonlyMap<Height, Unseen>,
  ): ReadonlyMap<Height, Unseen> {
    const start = this.#score(me, own, unseen)
    if (start === own.length) return unseen
    const begun = this.#steps.findIndex(({ validator, input }, i) => {
      return validator === me && begins(input) && this.#beginnings(me, i) === height
    })
    const said = this.#said(me, height, begun)
    const everything = new Map(unseen).set(height, said)
    if (this.#score(me, own, everything) === own.length) return everything
    const pool = [...said, ...this.#faultyVotes(height)]
    return this.#search(me, own, height, unseen, pool, start) ?? unseen
  }

  /** Adds what explains more: single votes first, then pairs, then three. */
  #search(
    me: Address,
    own: readonly Step[],
    height: Height,
    unseen: ReadonlyMap<Height, Unseen>,
    pool: readonly Vote[],
    score: number,
  ): ReadonlyMap<Height, Unseen> | null {
    const votes = unseen.get(height) ?? []
    for (let size = 1; size <= 3 && votes.length + size <= UNSEEN_VOTES_MAX; size++) {
      const better: { score: number; next: ReadonlyMap<Height, Unseen> }[] = []
      for (const added of chosen(pool, size)) {
        if (this.#tries > TRIES_MAX) return null
        const next = new Map(unseen).set(height, [...votes, ...added])
        const reached = this.#score(me, own, next)
        if (reached === own.length) return next
        if (reached > score) better.push({ score: reached, next })
      }
      for (const { score, next } of better.sort((a, b) => b.score - a.score)) {
        const found = this.#search(me, own, height, next, pool, score)
        if (found !== null) return found
      }
    }
    return null
  }

  #beginnings(me: Address, before: number): number {
    return this.#steps.slice(0, before).filter(({ validator, input }) => validator === me && begins(input)).length
  }

  /** Votes of the others before a step that the process does not hear afterwards. */
  #said(me: Address, height: Height, before: number): readonly Vote[] {
    const heard = this.#steps.filter(({ validator, input }) => validator === me && input.tag === "VoteDInput")
    const later = heard.map(({ input }) => readVote(input.value))
    const votes = this.#votesSaid(before).map(readVote)
    return votes.filter((vote) => {
      return vote.height === height && vote.voter !== me && !later.some((one) => isDeepStrictEqual(one, vote))
    })
  }

  #votesSaid(before: number): readonly Itf[] {
    return this.#steps.slice(0, before).flatMap(({ output }) => (output?.tag === "VoteOutput" ? [output.value] : []))
  }

  /** In the rounds, and for the values, that the trace speaks of. */
  #faultyVotes(height: Height): readonly Vote[] {
    const votes = this.#steps.flatMap(({ input }) => (input.tag === "VoteDInput" ? [readVote(input.value)] : []))
    const proposals = this.#steps.flatMap(({ input }) => {
      return input.tag === "ProposalDInput" ? [readProposal(input.value)] : []
    })
    const rounds = new Set([0, ...votes.map(({ round }) => round)])
    const values = new Set<ValueId | null>([
      null,
      ...votes.map(({ value }) => value),
      ...proposals.map(({ value }) => value),
    ])
    const types: readonly VoteType[] = ["prevote", "precommit"]
    return this.#faulty.flatMap((voter) =>
      types.flatMap((type) =>
        [...rounds].flatMap((round) => [...values].map((value) => ({ type, height, round, value, voter }))),
      ),
    )
  }
}

function* chosen<One>(pool: readonly One[], size: number, from = 0): Generator<readonly One[]> {
  if (size === 0) yield []
  else {
    for (let i = from; i < pool.length; i++) {
      for (const rest of chosen(pool, size - 1, i + 1)) yield [pool[i]!, ...rest]
    }
  }
}

/** Texts of errors are not compared. */
function isSame(theirs: Tagged, ours: Tagged): boolean {
  return theirs.tag === "ErrorOutput" ? ours.tag === "ErrorOutput" : isDeepStrictEqual(theirs, ours)
}
