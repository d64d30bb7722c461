import { utf8 } from "../../../agent/base/bytes.ts"
import { sha256 } from "../../../agent/base/hash.ts"
import type { SeededRandom } from "../../../agent/base/random.ts"
import { drive } from "../../../agent/core/consensus/driver/driver.ts"
import type { DriverState } from "../../../agent/core/consensus/driver/state.ts"
import { signerOf, slotOf } from "../../../agent/core/consensus/message.ts"
import { nextValidators } from "../../../agent/core/consensus/rotation.ts"
import { type Address, NO_ROUND, type ValueId } from "../../../agent/core/consensus/terms.ts"
import type { ValidatorSet } from "../../../agent/core/consensus/validators.ts"
import { Consensus } from "../../../agent/engine/ledger/consensus/consensus.ts"
import { createSignState, openSigner, type Signer } from "../../../agent/engine/ledger/consensus/signer.ts"
import type { Decision, Surroundings } from "../../../agent/engine/ledger/consensus/surroundings.ts"
import type { Clock } from "../../../agent/ports/clock.ts"
import type { DurableFile } from "../../../agent/ports/durable-file.ts"
import { hashKey } from "../../support/consensus-key.ts"
import type { Agenda } from "./agenda.ts"
import { VirtualFile } from "./disk.ts"
import { idOf, isValid, keyOf, type Message, type Signed, valueOf } from "./message.ts"
import type { Network, Peer } from "./network.ts"
import { ASK_EVERY_MS, COMMIT_MS, type Options, TIMEOUT_GROWTH_MS, TIMEOUT_MS } from "./options.ts"
import { planted } from "./plants.ts"
import type { Watcher } from "./watcher.ts"

const CHAIN_ID = sha256(utf8("simulated"))

/** What a process has around it. */
export interface World {
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

/** Counted down, it is never 0. */
const NEVER = -1

/** Of one signer, round and type two different messages are passed on: they are the proof against it. */
const COPIES_MAX = 2

/** What is on the disk of a process. */
interface Disk {
  readonly signed: VirtualFile
  readonly log: VirtualFile
}

/** A validator: the agent's own consensus on a virtual disk, clock and network, and what passes messages on. */
export class Process implements Peer {
  readonly name: Address
  protected readonly world: World
  readonly #disk: Disk
  /** The blocks that are on its disk. */
  #chain: readonly Decision[] = []
  #validators: ValidatorSet
  #consensus: Consensus
  /** Messages of this height, to be passed on to who lacks them. */
  #pool = new Map<string, Signed>()
  /** Of each validator the newest vote and the newest proposal: `kind name`. */
  #newest = new Map<string, Signed>()
  /** Counts lives: what was put on the agenda in another does nothing. */
  #life = 0
  #isDown = false
  #isStarted = false
  /** The power goes at the so manieth effect from now; never where it is negative. */
  #effectsLeft = NEVER
  #laterCuts: readonly number[] = []
  #copy: { readonly signed: Uint8Array | null; readonly log: Uint8Array | null; readonly chain: readonly Decision[] }
  crashes = 0
  /** Until it is calm its timers take so many times as long as they should. */
  #clockRate = 1

  constructor(name: Address, world: World) {
    this.name = name
    this.world = world
    this.#validators = world.genesis
    const effect = (act: () => void) => this.#effect(act)
    this.#disk = { signed: new VirtualFile(effect), log: new VirtualFile(effect) }
    createSignState({ key: this.#key, chain: CHAIN_ID, file: this.#disk.signed })
    this.#copy = { signed: this.#disk.signed.durable, log: null, chain: [] }
    this.#consensus = new Consensus(this.#surroundings())
  }

  get decided(): number {
    return this.#chain.length
  }

  get round(): number {
    return this.#consensus.state.round.round
  }

  start(): void {
    const { random, options } = this.world
    if (options.faults.includes("clock")) this.#clockRate = 0.5 + random.next()
    this.#isStarted = true
    this.#begin()
  }

  /** Cuts the power soon, between two effects, and gives it back. */
  crashSoon(): void {
    this.crashAt([this.world.random.below(12)])
  }

  /** @param effects the so manieth from now, then from the next start on, and so forth */
  crashAt([first = NEVER, ...later]: readonly number[]): void {
    this.#effectsLeft = first
    this.#laterCuts = later
  }

  receive(from: string, message: Message): void {
    if (this.#isDown || !this.#isStarted) return
    this.#alive(() => this.#take(from, message))
  }

  #take(from: string, message: Message): void {
    switch (message.kind) {
      case "have":
        return this.answer(from, message.height, message.ids)
      case "decided": {
        const { proposal, commit } = message
        if (proposal.height !== this.#height) return
        return this.#consensus.hearDecision(proposal, commit, isValid(proposal.value))
      }
      case "ask-newest": {
        const said = [this.#newest.get(`vote ${from}`), this.#newest.get(`proposal ${from}`)]
        const known = said.filter((one) => one !== undefined)
        return this.world.network.send(this.name, from, { kind: "newest", said: known })
      }
      case "newest":
        return this.#consensus.vouch(from as Address, message.said)
      case "vote":
      case "proposal":
        return this.#hear(message)
    }
  }

  get #height(): number {
    return this.#consensus.state.round.height
  }

  /** Takes what is new, and passes it on. */
  #hear(message: Signed): void {
    const { height } = message.kind === "vote" ? message.vote : message.proposal
    if (height !== this.#height || this.#pool.has(idOf(message)) || this.#hasCopies(message)) return
    const isTaken =
      message.kind === "vote"
        ? this.#consensus.hearVote(message.vote)
        : this.#consensus.hearProposal(message.proposal, message.polka, isValid(message.proposal.value))
    if (isTaken) this.#remember(message)
    if (!isTaken || height !== this.#height) return
    if (this.world.options.plant !== "no-relay") this.spread(message)
  }

  #hasCopies(message: Signed): boolean {
    const copies = [...this.#pool.values()].filter((one) => {
      return keyOf(one) === keyOf(message) && signerOf(one) === signerOf(message)
    })
    return copies.length >= COPIES_MAX
  }

  #remember(message: Signed): void {
    const { height } = message.kind === "vote" ? message.vote : message.proposal
    if (height === this.#height) this.#pool.set(idOf(message), message)
    const key = `${message.kind} ${signerOf(message)}`
    const known = this.#newest.get(key)
    if (known === undefined || isNewer(message, known)) this.#newest.set(key, message)
  }

  #surroundings(): Surroundings {
    const { plant } = this.world.options
    const { watcher } = this.world
    const files = planted.files(plant, { signed: this.#disk.signed, log: this.#disk.log })
    return {
      signer: this.signer(files.signed),
      wal: planted.wal(plant, files.log, CHAIN_ID),
      clock: this.#clock,
      chainId: CHAIN_ID,
      me: this.name,
      timeoutMs: (step, round) => TIMEOUT_MS[step] + round * TIMEOUT_GROWTH_MS,
      drive: (state, input, proposer) => {
        const driven = drive(this.adapted(state), input, proposer)
        watcher.drove(this.name, driven.state)
        for (const output of driven.outputs) {
          if (output.kind === "proposal" && output.polka !== null) watcher.provedAgain(output.proposal, output.polka)
        }
        return driven
      },
      chain: {
        next: () => {
          return { height: this.#chain.length, validators: this.#validators, lastTimeMs: timeOf(this.#chain.at(-1)) }
        },
        wanted: (height, round) => {
          this.#later(10, () => this.#consensus.propose(height, round, this.newValue(height, round)))
        },
        decided: (decision) => this.#decide(decision),
      },
      gossip: {
        say: (message) => {
          this.#effect(() => {
            watcher.signed(this.name, message)
            this.#remember(message)
            this.spread(message)
          })
          files.said()
        },
        recall: (message) => this.#remember(message),
      },
      notices: {
        evidence: (evidence) => watcher.accused(this.name, evidence),
        unsigned: (what) => watcher.unsigned(this.name, what),
        dead: (why) => watcher.died(this.name, why),
        halted: (error) => {
          if (!(error instanceof PowerCut)) watcher.halted(this.name, error)
        },
      },
    }
  }

  get #key() {
    return hashKey(this.name)
  }

  protected signer(file: DurableFile): Signer {
    return openSigner({ key: this.#key, chain: CHAIN_ID, file })
  }

  /** The state it goes on from. */
  protected adapted(state: DriverState): DriverState {
    return this.world.options.plant === "no-lock" ? unlocked(state) : state
  }

  protected spread(message: Signed): void {
    for (const peer of this.world.names) if (peer !== this.name) this.world.network.send(this.name, peer, message)
  }

  protected newValue(height: number, round: number): ValueId {
    return valueOf(`${height} ${round} ${this.name} ${this.world.random.below(1e6)}`)
  }

  get #clock(): Clock {
    const { agenda, options } = this.world
    return {
      now: () => Math.floor(agenda.nowMs),
      wall: () => agenda.nowMs,
      elapsed: () => agenda.nowMs,
      schedule: (atMs, action) => {
        let isOff = false
        const rate = agenda.nowMs < options.roughMs ? this.#clockRate : 1
        this.#later((atMs - Math.floor(agenda.nowMs)) * rate, () => isOff || action())
        return () => {
          isOff = true
        }
      },
    }
  }

  #decide(decision: Decision): void {
    const { height, value, commit } = decision
    this.#effect(() => {
      this.#chain = [...this.#chain, decision]
    })
    this.world.watcher.decided(this.name, height, value, commit)
    this.#validators = nextValidators(this.#validators, [])
    this.#pool = new Map()
    if (this.world.options.plant === "old-sign-state" && this.world.random.below(3) === 0) this.#copyAll()
    this.#consensus.advance()
    this.#later(COMMIT_MS, () => this.#consensus.begin())
  }

  #copyAll(): void {
    const { signed, log } = this.#disk
    this.#copy = { signed: signed.durable, log: log.durable, chain: this.#chain }
  }

  /** From the disk alone. */
  #begin(): void {
    this.#alive(() => {
      this.#consensus.start()
      if (this.#consensus.state.decision === null) this.#consensus.begin()
    })
    this.#ask()
  }

  /** Tells a peer what it has: whoever has more will send it. After a start it asks for its own votes first. */
  #ask(): void {
    const { random, names, network } = this.world
    const others = names.filter((name) => name !== this.name)
    if (this.#consensus.isWaitingForPeers) {
      for (const peer of others) network.send(this.name, peer, { kind: "ask-newest" })
    }
    this.#later(ASK_EVERY_MS, () => {
      const ids = new Set(this.#pool.keys())
      const peer = others[random.below(others.length)]
      if (peer !== undefined) network.send(this.name, peer, { kind: "have", height: this.#height, ids })
      this.#ask()
    })
  }

  protected answer(to: string, height: number, ids: ReadonlySet<string>): void {
    const { network } = this.world
    const block = this.#chain[height]
    if (block !== undefined) {
      const { proposal, commit } = block
      return network.send(this.name, to, { kind: "decided", proposal, commit })
    }
    if (height !== this.#height) return
    for (const [id, message] of this.#pool) {
      const own = signerOf(message) === this.name
      if (!ids.has(id) && (own || this.world.options.plant !== "no-relay")) network.send(this.name, to, message)
    }
  }

  #effect(act: () => void): void {
    if (this.#effectsLeft === 0) {
      this.#powerOff()
      throw new PowerCut()
    }
    this.#effectsLeft--
    act()
  }

  #later(delayMs: number, act: () => void): void {
    const life = this.#life
    this.world.agenda.after(delayMs, () => {
      if (life === this.#life && !this.#isDown) this.#alive(act)
    })
  }

  #alive(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof PowerCut) && !this.world.watcher.hasHalted(this.name)) throw error
    }
  }

  #powerOff(): void {
    const { random, agenda, options } = this.world
    this.#effectsLeft = NEVER
    this.crashes++
    this.#isDown = true
    this.#life++
    // A process that is killed leaves to the system what it wrote; a machine without power does not.
    const isKilled = random.next() < 0.2
    if (!isKilled) for (const file of Object.values(this.#disk)) (file as VirtualFile).cutPower(random)
    if (options.plant === "old-sign-state") this.#putBack()
    agenda.after(1 + random.below(3000), () => this.#restart())
  }

  /** What a copy of its card had some heights ago takes the place of everything. */
  #putBack(): void {
    const { signed, log, chain } = this.#copy
    this.#disk.signed.putBack(signed)
    this.#disk.log.putBack(log)
    this.#chain = chain
  }

  #restart(): void {
    this.#isDown = false
    this.crashAt(this.#laterCuts)
    this.#validators = this.world.genesis
    for (let height = 0; height < this.#chain.length; height++) this.#validators = nextValidators(this.#validators, [])
    this.#pool = new Map()
    this.#newest = new Map()
    for (const vote of this.#chain.at(-1)?.commit ?? []) this.#remember({ kind: "vote", vote })
    this.#alive(() => {
      this.#consensus = new Consensus(this.#surroundings())
    })
    this.#begin()
  }
}

function isNewer(message: Signed, than: Signed): boolean {
  const [one, other] = [slotOf(message), slotOf(than)]
  if (one.height !== other.height) return one.height > other.height
  if (one.round !== other.round) return one.round > other.round
  return one.step === "precommit" && other.step === "prevote"
}

/** A block's time, as long as no ledger makes it of its commit. */
function timeOf(decision: Decision | undefined): number {
  return decision === undefined ? 0 : Math.max(...decision.commit.map(({ timeMs }) => timeMs))
}

/** As if L36-L43 had never been: nothing is locked, and nothing known to be valid. */
export function unlocked(state: DriverState): DriverState {
  const nothing = { lockedRound: NO_ROUND, lockedValue: null, validRound: NO_ROUND, validValue: null }
  return { ...state, round: { ...state.round, ...nothing } }
}
