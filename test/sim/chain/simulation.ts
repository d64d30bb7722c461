import { type SeededRandom, seededRandom } from "../../../agent/base/random.ts"
import { genesisValidators } from "../../../agent/core/consensus/rotation.ts"
import type { Address } from "../../../agent/core/consensus/terms.ts"
import type { ValidatorSet } from "../../../agent/core/consensus/validators.ts"
import { Agenda } from "./agenda.ts"
import { Byzantine } from "./byzantine.ts"
import { Network } from "./network.ts"
import { ASK_EVERY_MS, BYZANTINE_FAULTS, type Options, TIMEOUT_GROWTH_MS, TIMEOUT_MS } from "./options.ts"
import { Process } from "./process.ts"
import { type Fork, Watcher } from "./watcher.ts"

/** Of a power that is an odd number of so many bytes: a float of 53 bits has it rounded. */
const LARGE_POWER_BYTES = 10

export interface Outcome {
  /** What did not hold; empty is well. */
  readonly broken: readonly string[]
  readonly heights: number
  readonly virtualMs: number
  readonly messages: number
  readonly roundMax: number
  /** Who was proven to have said two things. */
  readonly accused: readonly string[]
  readonly forks: readonly Fork[]
  /** How often a correct process lost its power. */
  readonly crashes: number
}

/** The same options give the same outcome, on every machine. */
export function simulate(options: Options): Outcome {
  const random = seededRandom(options.seed)
  const agenda = new Agenda()
  const names = Array.from({ length: options.validators }, (_, i) => `v${String(i + 1).padStart(3, "0")}` as Address)
  const faulty = new Set(hasByzantine(options) ? names.slice(names.length - options.byzantine) : [])
  const genesis = powersOf(options, names, faulty, random)
  const correct = names.filter((name) => !faulty.has(name))
  const watcher = new Watcher(correct, genesis)
  const network = new Network(agenda, random, options, faulty)
  const heads = genesisValidators(names.map((address) => ({ address, power: 1n })))
  const counted = options.plant === "count-heads" ? heads : genesis
  const world = { agenda, network, random, watcher, options, names, genesis: counted }
  const processes = names.map((name) => (faulty.has(name) ? new Byzantine(name, world) : new Process(name, world)))
  for (const process of processes) network.join(process)
  for (const process of processes) agenda.after(random.below(1000), () => process.start())
  const ours = processes.filter(({ name }) => !faulty.has(name))
  if (options.faults.includes("crash")) crash(ours, agenda, random, options)
  ours[0]!.crashAt(options.powerCuts)

  const end = new End(ours, faulty.size, options)
  while (watcher.broken.length === 0 && !end.isReached(agenda.nowMs) && agenda.step());
  return {
    broken: [...watcher.broken, ...end.missed(agenda.nowMs)],
    heights: Math.min(...ours.map(({ decided }) => decided)),
    virtualMs: agenda.nowMs,
    messages: network.sent,
    roundMax: watcher.roundMax,
    accused: [...watcher.evidence].sort(),
    forks: watcher.forks,
    crashes: ours.reduce((sum, process) => sum + process.crashes, 0),
  }
}

function hasByzantine({ faults, byzantine }: Options): boolean {
  return byzantine > 0 && BYZANTINE_FAULTS.some((fault) => faults.includes(fault))
}

/** Of random powers the faulty have the smallest. */
function powersOf(
  { powers }: Options,
  names: readonly Address[],
  faulty: ReadonlySet<Address>,
  random: SeededRandom,
): ValidatorSet {
  if (powers === "large") {
    const power = BigInt(`0x${random.bytes(LARGE_POWER_BYTES).toHex()}`) | 1n
    return genesisValidators(names.map((address) => ({ address, power })))
  }
  const few = powers === "random" ? 1 + random.below(9) : 1
  return genesisValidators(
    names.map((address) => {
      const power = powers === "random" && !faulty.has(address) ? few + random.below(9) : few
      return { address, power: BigInt(power) }
    }),
  )
}

/** Again and again one correct process loses its power, until it is calm. */
function crash(processes: readonly Process[], agenda: Agenda, random: SeededRandom, { roughMs }: Options): void {
  agenda.after(random.below(4000), () => {
    if (agenda.nowMs >= roughMs) return
    processes[random.below(processes.length)]!.crashSoon()
    crash(processes, agenda, random, { roughMs } as Options)
  })
}

/** When everybody is where they should be, or late. */
class End {
  readonly #ours: readonly Process[]
  readonly #faulty: number
  readonly #options: Options
  /** After it grew calm: a height that nobody correct has decided, and by when everybody has to. */
  #calm: { readonly height: number; readonly byMs: number } | null = null

  constructor(ours: readonly Process[], faulty: number, options: Options) {
    this.#ours = ours
    this.#faulty = faulty
    this.#options = options
  }

  isReached(nowMs: number): boolean {
    const isRough = nowMs < this.#options.roughMs
    const nothingDue = this.#calm === null || this.#haveAll(this.#calm.height)
    if (nothingDue && this.#haveAll(this.#options.heights)) return true
    // Each height in its turn is due.
    if (nothingDue && !isRough) this.#calm = this.#bound(nowMs)
    return this.missed(nowMs).length > 0
  }

  #haveAll(height: number): boolean {
    return this.#ours.every(({ decided }) => decided >= height)
  }

  missed(nowMs: number): readonly string[] {
    if (this.#calm === null || nowMs <= this.#calm.byMs) return []
    const late = this.#ours.filter(({ decided }) => decided < this.#calm!.height)
    return late.map(({ name, decided, round }) => {
      return `${name} is at height ${decided}, round ${round}; ${this.#calm!.height} heights were due at ${this.#calm!.byMs} ms`
    })
  }

  /**
   * Once it is calm everybody is in the newest round after one timer; of the faulty proposers each may spoil one round,
   * and so may one correct one that has to learn of an older polka first. Then a correct one succeeds.
   */
  #bound(nowMs: number) {
    const decided = this.#ours.map((process) => process.decided)
    const round = Math.max(...this.#ours.map((process) => process.round))
    const rounds = 3 + 2 * this.#faulty
    const stepsMs = TIMEOUT_MS.propose + TIMEOUT_MS.prevote + TIMEOUT_MS.precommit
    // Timers that began with a slow clock run half as long again.
    let dueMs = 0
    for (let i = 0; i < rounds; i++) dueMs += 1.5 * (stepsMs + 3 * TIMEOUT_GROWTH_MS * (round + i))
    const behind = Math.max(...decided) - Math.min(...decided) + 1
    // Who was just started first asks everybody for its own votes.
    const askMs = 4 * ASK_EVERY_MS * (this.#options.validators + 2)
    return { height: Math.max(...decided) + 1, byMs: nowMs + dueMs + behind * askMs }
  }
}

/** How many faulty validators of equal power so many validators bear: less than a third. */
export function byzantineMax(validators: number): number {
  return Math.ceil(validators / 3) - 1
}
