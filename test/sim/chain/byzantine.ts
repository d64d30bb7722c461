import type { DriverState } from "../../../agent/core/consensus/driver/state.ts"
import { type Address, NO_ROUND, type ValueId } from "../../../agent/core/consensus/terms.ts"
import { type Signed, signerOf } from "./message.ts"
import { BYZANTINE_FAULTS, type ByzantineFault } from "./options.ts"
import { Process, type Surroundings, unlocked } from "./process.ts"

/** A faulty validator: it runs the driver too, and does with what that says whatever its faults are. */
export class Byzantine extends Process {
  readonly #faults: ReadonlySet<ByzantineFault>
  /** The one whom it speaks to, of all things or of its precommits only. */
  readonly #friend: Address
  readonly #secret: "everything" | "precommits"

  constructor(name: Address, around: Surroundings) {
    super(name, around)
    const enabled = BYZANTINE_FAULTS.filter((fault) => around.options.faults.includes(fault))
    const [first, second] = [around.random.below(enabled.length), around.random.below(enabled.length)]
    this.#faults = new Set([enabled[first]!, enabled[second]!])
    this.#secret = around.random.next() < 0.5 ? "everything" : "precommits"
    this.#friend = around.names[around.random.below(around.names.length)]!
  }

  protected override get keepsSignState(): boolean {
    return false
  }

  protected override adapted(state: DriverState): DriverState {
    if (!this.#faults.has("amnesia")) return state
    const { round, ...rest } = unlocked(state)
    return { ...rest, round: { ...round, validRound: NO_ROUND, validValue: null } }
  }

  protected override newValue(height: number, round: number): ValueId {
    const value = super.newValue(height, round)
    return this.#faults.has("invalid") ? (`bad ${value}` as ValueId) : value
  }

  protected override spread(message: Signed): void {
    if (this.#faults.has("silence")) return
    const { names, network, random, agenda } = this.around
    const own = signerOf(message) === this.name
    const both = own && this.#faults.has("equivocation") ? twins(message) : [message, message]
    const delayMs = own && this.#faults.has("late") ? random.below(6000) : 0
    for (const [i, peer] of names.entries()) {
      if (peer === this.name || this.#hides(message, peer)) continue
      const said = both[i % 2]!
      agenda.after(delayMs, () => network.send(this.name, peer, said))
    }
  }

  protected override answer(to: string, height: number, ids: ReadonlySet<string>): void {
    const hides = this.#faults.has("selective") && to !== this.#friend
    if (!this.#faults.has("silence") && !hides) super.answer(to, height, ids)
  }

  #hides(message: Signed, peer: string): boolean {
    if (!this.#faults.has("selective") || peer === this.#friend) return false
    return this.#secret === "everything" || (message.kind === "vote" && message.vote.type === "precommit")
  }
}

/**
 * The same height, round and step, and two things said: one for every second process, one for the others. All that are
 * faulty agree on which is which.
 */
function twins(message: Signed): readonly [Signed, Signed] {
  const plain = (value: ValueId) => value.replace(/'$/, "") as ValueId
  const primed = (value: ValueId) => `${plain(value)}'` as ValueId
  if (message.kind === "proposal") {
    const as = (value: ValueId): Signed => ({ ...message, proposal: { ...message.proposal, value } })
    return [as(plain(message.proposal.value)), as(primed(message.proposal.value))]
  }
  const { vote } = message
  const as = (value: ValueId | null): Signed => ({ kind: "vote", vote: { ...vote, value } })
  return vote.value === null ? [as(null), as("x" as ValueId)] : [as(plain(vote.value)), as(primed(vote.value))]
}
