import { parseArgs } from "node:util"
import { BYZANTINE_FAULTS, DEFAULTS, type Options, PLANTS, POWERS, WORLD_FAULTS } from "./options.ts"
import { byzantineMax, simulate } from "./simulation.ts"

/*
 * `npm run sim -- --seed 7 --validators 4 --faults drop,crash,equivocation`: one chain of many processes in virtual time.
 * Ends with 1 where something did not hold, and names the seed.
 */
const FAULTS: readonly Options["faults"][number][] = [...WORLD_FAULTS, ...BYZANTINE_FAULTS]
const USAGE = `usage: sim [--seed N] [--seeds COUNT] [--validators N] [--byzantine N] [--heights N] [--rough-ms MS]
           [--powers ${POWERS.join("|")}] [--faults all|none|${FAULTS.join(",")}] [--plant ${PLANTS.join("|")}]`

class UsageError extends Error {}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least) throw new UsageError(`--${name} is a whole number from ${least}`)
  return value
}

function oneOf<Word extends string>(name: string, words: readonly Word[], text: string): Word {
  const found = words.find((word) => word === text)
  if (found === undefined) throw new UsageError(`--${name} is one of ${words.join(", ")}, not ${text}`)
  return found
}

function faultsOf(text: string): Options["faults"] {
  if (text === "all") return FAULTS
  if (text === "none") return []
  return text.split(",").map((word) => oneOf("faults", FAULTS, word))
}

function read(args: readonly string[]): { options: Options; seeds: number } {
  const text = { type: "string" } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: text,
      seeds: text,
      validators: text,
      byzantine: text,
      heights: text,
      "rough-ms": text,
      powers: text,
      faults: text,
      plant: text,
    },
  })
  const validators = wholeNumber("validators", values.validators ?? String(DEFAULTS.validators), 1)
  const options: Options = {
    ...DEFAULTS,
    validators,
    seed: wholeNumber("seed", values.seed ?? String(DEFAULTS.seed), 0),
    byzantine: wholeNumber("byzantine", values.byzantine ?? String(byzantineMax(validators)), 0),
    heights: wholeNumber("heights", values.heights ?? String(DEFAULTS.heights), 1),
    roughMs: wholeNumber("rough-ms", values["rough-ms"] ?? String(DEFAULTS.roughMs), 0),
    powers: oneOf("powers", POWERS, values.powers ?? DEFAULTS.powers),
    faults: faultsOf(values.faults ?? "all"),
    plant: values.plant === undefined ? null : oneOf("plant", PLANTS, values.plant),
  }
  if (options.byzantine >= validators) throw new UsageError("of all validators one at least is correct")
  return { options, seeds: wholeNumber("seeds", values.seeds ?? "1", 1) }
}

try {
  const { options, seeds } = read(process.argv.slice(2))
  for (let i = 0; i < seeds; i++) {
    const seed = options.seed + i
    const { broken, heights, virtualMs, messages, roundMax, accused } = simulate({ ...options, seed })
    const proven = accused.length === 0 ? "" : `, proven faulty: ${accused.join(" ")}`
    process.stdout.write(
      `seed ${seed}: ${heights} heights in ${(virtualMs / 1000).toFixed(1)} s, ${messages} messages, ` +
        `highest round ${roundMax}${proven}\n`,
    )
    for (const what of broken) process.stdout.write(`seed ${seed}: BROKEN: ${what}\n`)
    if (broken.length > 0) process.exitCode = 1
  }
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS")
  if (!isUsage) throw error
  process.stderr.write(`${(error as Error).message}\n${USAGE}\n`)
  process.exitCode = 2
}
