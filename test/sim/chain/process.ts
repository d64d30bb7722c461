import type { SeededRandom } from "../../../agent/base/random.ts"
import { drive } from "../../../agent/core/consensus/driver/driver.ts"
import type { DriverInput } from "../../../agent/core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../agent/core/consensus/driver/output.ts"
import { type DriverState, newDriver } from "../../../agent/core/consensus/driver/state.ts"
import { nextValidators, proposers } from "../../../agent/core/consensus/rotation.ts"
import {
  type Address,
  NO_ROUND,
  type Proposal,
  type TimeoutStep,
  type ValueId,
  type Vote,
} from "../../../agent/core/consensus/terms.ts"
import type { ValidatorSet } from "../../../agent/core/consensus/validators.ts"
import type { Agenda } from "./agenda.ts"
import { Disk } from "./disk.ts"
import { idOf, isValid, type Message, type Signed, signerOf, slotOf } from "./message.ts"
import type { Network, Peer } from "./network.ts"
import { ASK_EVERY_MS, COMMIT_MS, type Options, TIMEOUT_GROWTH_MS, TIMEOUT_MS } from "./options.ts"
import type { Watcher } from "./watcher.ts"

export function unlocked(state: DriverState): DriverState {
  return { ...state, round: { ...state.round, lockedRound: NO_ROUND, lockedValue: null } }
}

/** What a process has around it. */
export interface Surroundings {
  readonly agenda: Agenda
  readonly network: Network
  readonly random: SeededRandom
  readonly watcher: Watcher
  readonly options: Options
  readonly names: readonly Address[]
  readonly genesis: ValidatorSet
}

/** Thrown through a process when its power goes. */
class PowerCut extends Error {}

/** Of one signer, round and type two different messages are passed on: they are the proof against it. */
const COPIES_MAX = 2

/** A validator around the real driver: what it hears is logged, what it signs is remembered, before it leaves. */
export class Process implements Peer {
  readonly name: Address
  protected readonly around: Surroundings
  protected state: DriverState
  readonly #disk = new Disk()
  #validators: ValidatorSet
  #proposer: (round: number) => Address
  /** Messages of this height, to be passed on to who lacks them. */
  #pool = new Map<string, Signed>()
  /** Counts lives and heights: what was put on the agenda in another does nothing. */
  #life = 0
  #down = false
  /** The power goes at the so manieth effect from now; never where it is negative. */
  #effectsLeft = -1
  crashes = 0
  /** Until it is calm its timers take so many times as long as they should. */
  #clockRate = 1

  constructor(name: Address, around: Surroundings) {
    this.name = name
    this.around = around
    this.#validators = around.genesis
    this.#proposer = proposers(around.genesis)
    this.state = newDriver(name, 0, around.genesis)
  }

  get decided(): number {
    return this.#disk.contents.chain.length
  }

  get round(): number {
    return this.state.round.round
  }

  start(): void {
    const { random, options } = this.around
    if (options.faults.includes("clock")) this.#clockRate = 0.5 + random.next()
    if (this.#down) return
    this.#alive(() => this.#input({ kind: "start" }))
    this.#ask()
  }

  /** Cuts the power soon, between two effects, and gives it back. */
  crashSoon(): void {
    this.crashAt(this.around.random.below(12))
  }

  /** @param effect the so manieth from now */
  crashAt(effect: number): void {
    this.#effectsLeft = effect
  }

  receive(from: string, message: Message): void {
    if (this.#down) return
    this.#alive(() => this.#take(from, message))
  }

  #take(from: string, message: Message): void {
    switch (message.kind) {
      case "have":
        return this.answer(from, message.height, message.ids)
      case "decided": {
        const { proposal, commit } = message
        if (proposal.height !== this.state.round.height) return
        this.#input({ kind: "certificate", votes: commit })
        this.#input({ kind: "proposal", proposal, valid: isValid(proposal.value) })
        return
      }
      case "vote":
      case "proposal":
        return this.#hear(message)
    }
  }

  /** Takes what is new, and passes it on. */
  #hear(message: Signed): void {
    const height = message.kind === "vote" ? message.vote.height : message.proposal.height
    const id = idOf(message)
    if (height !== this.state.round.height || this.#pool.has(id)) return
    const copies = [...this.#pool.values()].filter((one) => {
      return slotOf(one) === slotOf(message) && signerOf(one) === signerOf(message)
    })
    if (copies.length >= COPIES_MAX) return
    if (message.kind === "vote") {
      if (!this.#input(message)) return
    } else {
      const { proposal, polka } = message
      if (polka !== null) this.#input({ kind: "certificate", votes: polka })
      if (!this.#input({ kind: "proposal", proposal, valid: isValid(proposal.value) })) return
    }
    if (height !== this.state.round.height) return
    this.#pool.set(id, message)
    if (this.around.options.plant !== "no-relay" || signerOf(message) === this.name) this.spread(message)
  }

  /** @returns whether it was taken */
  #input(input: DriverInput): boolean {
    const { driven, ok } = this.#driven(input)
    if (!ok) return false
    const { contents } = this.#disk
    this.#effect(() => this.#disk.write({ log: [...contents.log, input] }))
    this.state = driven.state
    for (const output of driven.outputs) this.#act(output)
    return true
  }

  #driven(input: DriverInput) {
    const { watcher } = this.around
    const driven = drive(this.adapted(this.state), input, this.#proposer)
    watcher.drove(this.name, driven.state)
    return { driven, ok: driven.refused === null }
  }

  #act(output: DriverOutput): void {
    switch (output.kind) {
      case "get-value": {
        const { height, round } = output
        this.#timer("propose", round)
        this.#later(10, () => this.#input({ kind: "value", height, round, value: this.newValue(height, round) }))
        return
      }
      case "timeout":
        return this.#timer(output.step, output.round)
      case "vote":
        return this.#say(output)
      case "proposal":
        if (output.polka !== null) this.around.watcher.provedAgain(output.proposal, output.polka)
        return this.#say(output)
      case "evidence":
        return this.around.watcher.accused(this.name, output.evidence)
      case "decision":
        return this.#decide(output.value, output.round, output.commit)
    }
  }

  /** Signed once, and durable with everything it follows from, before anybody sees it. */
  #say(message: Signed): void {
    const { plant } = this.around.options
    const { signed } = this.#disk.contents
    const [slot, id] = [slotOf(message), idOf(message)]
    const before = signed.get(slot)
    if (before !== undefined && before !== id && this.keepsSignState) return
    if (plant !== "lost-sign-state") {
      this.#effect(() => this.#disk.write({ signed: new Map(signed).set(slot, id) }))
    }
    if (plant !== "sign-before-flush" && plant !== "lost-sign-state") this.#effect(() => this.#disk.flush())
    this.#effect(() => this.send(message))
  }

  protected get keepsSignState(): boolean {
    return true
  }

  /** The state it goes on from. */
  protected adapted(state: DriverState): DriverState {
    return this.around.options.plant === "no-lock" ? unlocked(state) : state
  }

  /** What it says itself it hears, once it is on its way. */
  protected send(message: Signed): void {
    this.around.watcher.signed(this.name, message)
    this.#later(0, () => this.#hear(message))
  }

  protected spread(message: Signed): void {
    for (const peer of this.around.names) if (peer !== this.name) this.around.network.send(this.name, peer, message)
  }

  protected newValue(height: number, round: number): ValueId {
    return `${height}.${round}.${this.name}.${this.around.random.below(1e6)}` as ValueId
  }

  #timer(step: TimeoutStep, round: number): void {
    const { height } = this.state.round
    const { agenda, options } = this.around
    const rate = agenda.nowMs < options.roughMs ? this.#clockRate : 1
    this.#later((TIMEOUT_MS[step] + round * TIMEOUT_GROWTH_MS) * rate, () =>
      this.#input({ kind: "timeout", step, height, round }),
    )
  }

  #decide(value: ValueId, round: number, commit: readonly Vote[]): void {
    const { height } = this.state.round
    const proposal = this.state.proposals.find((one) => one.round === round && one.value === value) as Proposal
    const { chain } = this.#disk.contents
    // The log and the sign-state of a height are of no use once it is decided: nothing of it is signed again.
    this.#effect(() => this.#disk.write({ chain: [...chain, { proposal, commit }], log: [], signed: new Map() }))
    this.#effect(() => this.#disk.flush())
    this.around.watcher.decided(this.name, height, value, commit)
    this.#nextHeight()
    this.#later(COMMIT_MS, () => this.#input({ kind: "start" }))
  }

  #nextHeight(): void {
    this.#life++
    const height = this.#disk.contents.chain.length
    this.#validators = nextValidators(this.#validators, [])
    this.#proposer = proposers(this.#validators)
    this.#pool = new Map()
    this.state = newDriver(this.name, height, this.#validators)
    this.#ask()
  }

  /** Tells a peer what it has: whoever has more will send it. */
  #ask(): void {
    this.#later(ASK_EVERY_MS, () => {
      const { random, names, network } = this.around
      const others = names.filter((name) => name !== this.name)
      const ids = new Set(this.#pool.keys())
      network.send(this.name, others[random.below(others.length)]!, {
        kind: "have",
        height: this.state.round.height,
        ids,
      })
      this.#ask()
    })
  }

  protected answer(to: string, height: number, ids: ReadonlySet<string>): void {
    const { network } = this.around
    const [block] = this.#disk.contents.chain.slice(height, height + 1)
    if (block !== undefined) return network.send(this.name, to, { kind: "decided", ...block })
    if (height !== this.state.round.height) return
    for (const [id, message] of this.#pool) {
      const own = signerOf(message) === this.name
      if (!ids.has(id) && (own || this.around.options.plant !== "no-relay")) network.send(this.name, to, message)
    }
  }

  /** Something that a power cut can come before. */
  #effect(act: () => void): void {
    if (this.#effectsLeft === 0) throw new PowerCut()
    this.#effectsLeft--
    act()
  }

  #later(delayMs: number, act: () => void): void {
    const life = this.#life
    this.around.agenda.after(delayMs, () => {
      if (life === this.#life && !this.#down) this.#alive(act)
    })
  }

  #alive(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      this.#effectsLeft = -1
      this.crashes++
      this.#down = true
      this.#life++
      this.#disk.crash()
      this.around.agenda.after(1 + this.around.random.below(3000), () => this.#restart())
    }
  }

  /** From the disk alone: the log is played again, and gives again what was said. */
  #restart(): void {
    this.#down = false
    const { chain, log } = this.#disk.contents
    this.#validators = this.around.genesis
    for (let height = 0; height < chain.length; height++) this.#validators = nextValidators(this.#validators, [])
    this.#proposer = proposers(this.#validators)
    this.#pool = new Map()
    this.state = newDriver(this.name, chain.length, this.#validators)
    this.#alive(() => {
      const life = this.#life
      for (const input of log) if (life === this.#life) this.#again(input)
      if (log.length === 0) this.#input({ kind: "start" })
    })
    this.#ask()
  }

  #again(input: DriverInput): void {
    const { driven } = this.#driven(input)
    this.state = driven.state
    if (input.kind === "vote") this.#pool.set(idOf(input), input)
    for (const output of driven.outputs) this.#act(output)
  }
}
