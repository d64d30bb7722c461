/** Faults of the world around correct processes; they end when the simulation grows calm. */
export const WORLD_FAULTS = ["delay", "drop", "duplicate", "partition", "crash", "clock"] as const
/** What faulty processes do; it never ends. */
export const BYZANTINE_FAULTS = ["silence", "equivocation", "amnesia", "selective", "late", "invalid"] as const
export const POWERS = ["equal", "random", "large"] as const
/** Errors put into correct processes, to see that they are found. */
export const PLANTS = [
  "sign-before-sync",
  "old-sign-state",
  "log-after-output",
  "replay-twice",
  "no-lock",
  "no-relay",
  "count-heads",
] as const

export type WorldFault = (typeof WORLD_FAULTS)[number]
export type ByzantineFault = (typeof BYZANTINE_FAULTS)[number]
export type Plant = (typeof PLANTS)[number]

export interface Options {
  readonly seed: number
  readonly validators: number
  readonly faults: readonly (WorldFault | ByzantineFault)[]
  /** How many validators are faulty; they are the last ones. From a third of the power on the chain may fork. */
  readonly byzantine: number
  /** Heights that every correct process must decide. */
  readonly heights: number
  /** How long faults of the world go on, virtual ms. */
  readonly roughMs: number
  /** One unit of power each, or a random number of them, or the same very large number, which no float has. */
  readonly powers: (typeof POWERS)[number]
  readonly plant: Plant | null
  /** The first validator's power goes before its so manieth effect, counted from 0, then from each start on. */
  readonly powerCuts: readonly number[]
}

export const DEFAULTS: Options = {
  seed: 1,
  validators: 4,
  faults: [...WORLD_FAULTS, ...BYZANTINE_FAULTS],
  byzantine: 1,
  heights: 4,
  roughMs: 60_000,
  powers: "equal",
  plant: null,
  powerCuts: [],
}

/** Timers of a round, virtual ms: longer from round to round, until they are longer than messages take. */
export const TIMEOUT_MS = { propose: 1000, prevote: 500, precommit: 500 } as const
export const TIMEOUT_GROWTH_MS = 250
/** A message takes at most so long once it is calm, and a process asks a peer for what it lacks this often. */
export const CALM_DELAY_MS = 50
export const ASK_EVERY_MS = 200
/** From a decision to the next height. */
export const COMMIT_MS = 20
