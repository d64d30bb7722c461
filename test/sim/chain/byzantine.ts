import type { DriverState } from "../../../agent/core/consensus/driver/state.ts"
import type { Address, ValueId } from "../../../agent/core/consensus/terms.ts"
import { UNSIGNED } from "../../../agent/core/consensus/sign-state.ts"
import type { Signer } from "../../../agent/engine/ledger/consensus/signer.ts"
import { signerOf } from "../../../agent/core/consensus/message.ts"
import { type Signed, spoiled, twinOf, untwinned } from "./message.ts"
import { BYZANTINE_FAULTS, type ByzantineFault } from "./options.ts"
import { Process, unlocked, type World } from "./process.ts"

/** What it says to some where it says nil to the others. */
const OTHER = "f".repeat(64) as ValueId

/** A faulty validator: it runs the driver too, and does with what that says whatever its faults are. */
export class Byzantine extends Process {
  readonly #faults: ReadonlySet<ByzantineFault>
  /** The one whom it speaks to, of all things or of its precommits only. */
  readonly #friend: Address
  readonly #secret: "everything" | "precommits"

  constructor(name: Address, world: World) {
    super(name, world)
    const enabled = BYZANTINE_FAULTS.filter((fault) => world.options.faults.includes(fault))
    const [first, second] = [world.random.below(enabled.length), world.random.below(enabled.length)]
    this.#faults = new Set([enabled[first]!, enabled[second]!])
    this.#secret = world.random.next() < 0.5 ? "everything" : "precommits"
    this.#friend = world.names[world.random.below(world.names.length)]!
  }

  /** It signs whatever its driver says, and its driver forgets what it said. */
  protected override signer(): Signer {
    const signature = new Uint8Array(64)
    return { state: UNSIGNED, sign: () => ({ ok: true, signature }), kill: () => {}, close: () => {} }
  }

  protected override adapted(state: DriverState): DriverState {
    return this.#faults.has("amnesia") ? unlocked(state) : state
  }

  protected override newValue(height: number, round: number): ValueId {
    const value = super.newValue(height, round)
    return this.#faults.has("invalid") ? spoiled(value) : value
  }

  protected override spread(message: Signed): void {
    if (this.#faults.has("silence")) return
    const { names, network, random, agenda } = this.world
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
  if (message.kind === "proposal") {
    const as = (value: ValueId): Signed => ({ ...message, proposal: { ...message.proposal, value } })
    return [as(untwinned(message.proposal.value)), as(twinOf(message.proposal.value))]
  }
  const { vote } = message
  const as = (value: ValueId | null): Signed => ({ kind: "vote", vote: { ...vote, value } })
  return vote.value === null ? [as(null), as(OTHER)] : [as(untwinned(vote.value)), as(twinOf(vote.value))]
}
