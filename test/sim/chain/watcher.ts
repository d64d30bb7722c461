import type { DriverState } from "../../../agent/core/consensus/driver/state.ts"
import type { DoubleVote, Proposal, ValueId, Vote } from "../../../agent/core/consensus/terms.ts"
import { powerOf, type ValidatorSet } from "../../../agent/core/consensus/validators.ts"
import type { Slot } from "../../../agent/core/consensus/message.ts"
import { idOf, isValid, type Signed, keyOf, signatureOf } from "./message.ts"

/** Two decisions of one height, and who signed both of them where they are of one round. */
export interface Fork {
  readonly isOfOneRound: boolean
  readonly accused: readonly string[]
  /** Of all power, in parts of the whole. */
  readonly share: number
}

/** What must hold in every step, whatever happens. */
export class Watcher {
  /** In words, as they were found. */
  readonly broken: string[] = []
  readonly #correct: ReadonlySet<string>
  readonly #set: ValidatorSet
  readonly #decisions = new Map<number, { readonly value: ValueId; readonly commit: readonly Vote[] }>()
  readonly #signed = new Map<string, { readonly id: string; readonly signature: string }>()
  readonly #halted = new Set<string>()
  readonly evidence = new Set<string>()
  readonly forks: Fork[] = []
  roundMax = 0
  decisions = 0

  constructor(correct: readonly string[], set: ValidatorSet) {
    this.#correct = new Set(correct)
    this.#set = set
  }

  /** No correct process signs two things in one height, round and step, whatever crashed in between. */
  signed(name: string, message: Signed): void {
    if (!this.#correct.has(name)) return
    const slot = `${name} ${keyOf(message)}`
    const [id, signature] = [idOf(message), signatureOf(message)]
    const before = this.#signed.get(slot)
    if (before !== undefined && before.id !== id) this.#break(`${name} signed both "${before.id}" and "${id}"`)
    else if (before !== undefined && before.signature !== signature) this.#break(`${name} signed "${id}" in two ways`)
    this.#signed.set(slot, { id, signature })
  }

  /** What a log gives again is what was signed: a correct process never wants to sign anything else. */
  unsigned(name: string, { height, round, step, code }: Slot & { readonly code: string }): void {
    const isPast = code === "SIGN_REGRESSION"
    if (this.#correct.has(name) && !isPast) this.#break(`${name}: ${code} at the ${step} of ${height}, round ${round}`)
  }

  /** Nobody else has the key of a correct process, and its disk is never older than it was. */
  died(name: string, why: string): void {
    if (this.#correct.has(name)) this.#break(`${name}'s key died: ${why}`)
  }

  halted(name: string, error: Error): void {
    this.#halted.add(name)
    if (this.#correct.has(name)) this.#break(`${name} halted: ${error.message}`)
  }

  hasHalted(name: string): boolean {
    return this.#halted.has(name)
  }

  /** Agreement, validity, and a proof. */
  decided(name: string, height: number, value: ValueId, commit: readonly Vote[]): void {
    if (!this.#correct.has(name)) return
    this.decisions++
    const before = this.#decisions.get(height) ?? { value, commit }
    this.#decisions.set(height, before)
    if (before.value !== value) {
      this.forks.push(this.#forked(before.commit, commit))
      this.#break(`${name} decided ${value} at height ${height}, where ${before.value} was decided`)
    }
    if (!isValid(value)) this.#break(`${name} decided ${value}, which is invalid`)
    if (!this.#isQuorum(commit, value)) this.#break(`${name} decided ${value} without a proof`)
  }

  /** A double vote names only the faulty. */
  accused(by: string, { first, second }: DoubleVote): void {
    if (!this.#correct.has(by)) return
    this.evidence.add(first.voter)
    if (this.#correct.has(first.voter)) this.#break(`${by} accuses ${first.voter}, which is correct`)
    if (first.voter !== second.voter || first.value === second.value) this.#break(`${by} has no double vote`)
  }

  provedAgain({ value, height }: Proposal, polka: readonly Vote[]): void {
    if (!this.#isQuorum(polka, value)) this.#break(`${value} is proposed again at height ${height} without its polka`)
  }

  /** What a process keeps is bounded by who can vote and by how far it got. */
  drove(name: string, { round, votes, proposals, pending, had }: DriverState): void {
    if (!this.#correct.has(name)) return
    this.roundMax = Math.max(this.roundMax, round.round)
    const later = [...votes.rounds.keys()].filter((at) => at > round.round).length
    const validators = this.#set.validators.length
    if (later > 8 * validators) this.#break(`${name} keeps votes of ${later} later rounds`)
    // L55: where more than a third is in a later round, so is everybody who has heard them.
    const { total } = votes.validators
    const ahead = [...votes.rounds].find(([at, { heardWeight }]) => at > round.round && 3n * heardWeight > total)
    const isDeciding = round.step !== "new" && round.step !== "commit"
    if (isDeciding && ahead !== undefined)
      this.#break(`${name} stays in round ${round.round}, others are in ${ahead[0]}`)
    if (pending.length > 0 && round.step !== "commit") this.#break(`${name} left ${pending.length} conditions waiting`)
    if (had.size > 100) this.#break(`${name} remembers ${had.size} conditions of one round`)
    if (proposals.length > 3 * (round.round + 10)) this.#break(`${name} keeps ${proposals.length} proposals`)
  }

  #forked(one: readonly Vote[], other: readonly Vote[]): Fork {
    const isOfOneRound = one[0]?.round === other[0]?.round
    const second = new Set(other.map(({ voter }) => voter))
    const accused = isOfOneRound ? one.map(({ voter }) => voter).filter((voter) => second.has(voter)) : []
    const power = accused.reduce((sum, voter) => sum + powerOf(this.#set, voter), 0n)
    return { isOfOneRound, accused, share: Number(power) / Number(this.#set.total) }
  }

  #isQuorum(votes: readonly Vote[], value: ValueId): boolean {
    const voters = new Set(votes.filter((vote) => vote.value === value).map(({ voter }) => voter))
    const weight = [...voters].reduce((sum, voter) => sum + powerOf(this.#set, voter), 0n)
    // Reckoned here: what decides is not to judge itself.
    return 3n * weight > 2n * this.#set.total
  }

  #break(what: string): void {
    this.broken.push(what)
  }
}
