import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { whilePatched } from "./copy.ts"
import type { Mutant } from "./mutant.ts"

/** In so many seeds at most each of them must show. */
export const SEEDS_MAX = 500
const CHAIN = "test/sim/chain/main.ts"
const LEDGER = "test/sim/ledger/main.ts"
const ROUGH = ["--faults", "partition,delay,drop", "--heights", "40", "--rough-ms", "300000"]

/** An error that a simulator must show. It is in the sources, or in the world around them: `plant`. */
export interface SimulatedMutant extends Pick<Mutant, "name" | "says"> {
  readonly program: typeof CHAIN | typeof LEDGER
  readonly patches: Mutant["patches"]
  readonly plant?: string
  readonly args: readonly string[]
  /** One that shows it: each run of the tests does it again, with the error and without. */
  readonly seed: number
}

/** What makes a chain a toy, by one line each. */
export const SIMULATED: readonly SimulatedMutant[] = [
  {
    name: "sim-skip-the-lock",
    program: CHAIN,
    patches: [
      {
        file: "agent/core/consensus/round/transition.ts",
        from: "return lockedRound < 0 || lockedValue === value ? value : null",
        to: "return value",
      },
    ],
    args: ROUGH,
    seed: 399,
    says: /was decided/,
  },
  {
    name: "sim-sign-before-sync",
    program: CHAIN,
    patches: [
      {
        file: "agent/engine/ledger/consensus/signer.ts",
        from: "    this.#keep(withSignature(this.#state, slot, { bytes, signature }, logged))\n",
        to: "    if (this.#state.height >= 0) this.#keep(this.#state)\n    this.#state = withSignature(this.#state, slot, { bytes, signature }, logged)\n",
      },
    ],
    args: ["--faults", "crash,delay"],
    seed: 1,
    says: /signed both|key died/,
  },
  {
    name: "sim-old-sign-state",
    program: CHAIN,
    patches: [],
    plant: "old-sign-state",
    args: ["--faults", "crash,delay", "--heights", "10"],
    seed: 1,
    says: /signed both|key died/,
  },
  {
    name: "sim-count-messages",
    program: CHAIN,
    patches: [],
    plant: "count-heads",
    args: ["--powers", "random"],
    seed: 1,
    says: /without (?:a proof|its polka)|was decided/,
  },
  {
    name: "sim-never-relay",
    program: CHAIN,
    patches: [],
    plant: "no-relay",
    args: ["--faults", "selective,drop,delay", "--heights", "40", "--rough-ms", "300000"],
    seed: 17,
    says: /were due at/,
  },
  {
    name: "sim-forget-round-skip",
    program: CHAIN,
    patches: [
      {
        file: "agent/core/consensus/votes/keeper.ts",
        from: 'if (round > currentRound && isHonest(votes.heardWeight, total)) return { kind: "skip", round }',
        to: "if (round > currentRound) return null",
      },
    ],
    args: [],
    seed: 1,
    says: /stays in round \d+, others are in \d+/,
  },
  {
    name: "sim-accept-stale-evidence",
    program: LEDGER,
    patches: [
      {
        file: "agent/core/ledger/apply/epoch.ts",
        from: "dueAt(moment.time + parameters.evidenceMs, ",
        to: "dueAt(moment.time + 4 * parameters.evidenceMs, ",
      },
    ],
    args: [],
    seed: 15,
    says: /evidence of epoch \d+, over since \d+, was taken/,
  },
  {
    name: "sim-float-quorum",
    program: CHAIN,
    patches: [
      {
        file: "agent/core/consensus/validators.ts",
        from: "return 3n * weight > 2n * total",
        to: "return Number(weight) / Number(total) > 2 / 3",
      },
    ],
    args: ["--validators", "3", "--byzantine", "0", "--powers", "large", "--faults", "partition,drop,delay"],
    seed: 3,
    says: /without (?:a proof|its polka)/,
  },
  {
    name: "sim-periods-in-blocks",
    program: LEDGER,
    patches: [
      {
        file: "agent/core/ledger/apply/apply.ts",
        from: "if (time >= epoch.ends) endEpoch",
        to: "if (block.height % 10 === 0) endEpoch",
      },
    ],
    args: [],
    seed: 1,
    says: /epoch \d+ at \d+, ends \d+/,
  },
]

type Shown = { readonly seed: number; readonly said: string } | { readonly why: string }

/** @param tree a copy of the sources @param count of seeds, from `from` on @returns the first in which it shows */
export async function firstSeed(tree: string, mutant: SimulatedMutant, from: number, count: number): Promise<Shown> {
  const planted = mutant.plant === undefined ? [] : ["--plant", mutant.plant]
  const shown = await whilePatched(tree, mutant.patches, () => simulated(tree, mutant, from, count, planted))
  return "misfit" in shown ? { why: shown.misfit } : shown
}

/** The same seed without the error. @returns whether nothing broke */
export async function isWellWithout(tree: string, mutant: SimulatedMutant): Promise<boolean> {
  const { code } = await run(tree, mutant, mutant.seed, 1, [])
  return code === 0
}

async function simulated(
  tree: string,
  mutant: SimulatedMutant,
  from: number,
  count: number,
  more: readonly string[],
): Promise<Shown> {
  const { code, output } = await run(tree, mutant, from, count, more)
  for (const [, seed, what] of output.matchAll(/^seed (\d+): BROKEN: (.*)$/gm)) {
    if (code === 1 && mutant.says.test(what!)) return { seed: Number(seed), said: what! }
  }
  return { why: `nothing of it showed in ${count} seeds: ${output.slice(-1000)}` }
}

async function run(
  tree: string,
  { program, args }: SimulatedMutant,
  from: number,
  count: number,
  more: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const words = [join(tree, program), "--seed", String(from), "--seeds", String(count), ...args, ...more]
  const child = spawn(process.execPath, words, { cwd: tree, stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  child.stdout.on("data", (chunk) => (output += String(chunk)))
  const [code] = (await once(child, "close")) as [number | null]
  return { code, output }
}
