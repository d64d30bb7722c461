import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { commandOf, mixed } from "./mix.ts"
import { type Plant, PLANTS } from "./options.ts"
import { simulate } from "./simulation.ts"

/*
 * `npm run sim:long`: many seeds with all faults and committees of every size, on all cores. Says of each seed that
 * breaks what repeats it, and ends with 1. With `--resume FILE` what passed is kept there, and not done again.
 */
const USAGE = "usage: sim:long [--seeds COUNT] [--from SEED] [--workers N] [--resume FILE] [--plant PLANT]"
const SEEDS = 10_000
const TOLD_EVERY = 500

interface Result {
  readonly seed: number
  readonly broken: readonly string[]
}

class UsageError extends Error {}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise)
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`--${name} is a whole number from 1`)
  return value
}

function read(args: string[]) {
  const text = { type: "string" } as const
  const { values } = parseArgs({ args, options: { seeds: text, from: text, workers: text, resume: text, plant: text } })
  const plant = values.plant === undefined ? null : PLANTS.find((one) => one === values.plant)
  if (plant === undefined) throw new UsageError(`--plant is one of ${PLANTS.join(", ")}`)
  return {
    seeds: wholeNumber("seeds", values.seeds, SEEDS),
    from: wholeNumber("from", values.from, 1),
    workers: wholeNumber("workers", values.workers, availableParallelism()),
    resume: values.resume,
    plant,
  }
}

function passedBefore(file: string | undefined): ReadonlySet<number> {
  if (file === undefined || !existsSync(file)) return new Set()
  return new Set(readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number))
}

async function main({ seeds, from, workers, resume, plant }: ReturnType<typeof read>): Promise<void> {
  const known = passedBefore(resume)
  const left = Array.from({ length: seeds }, (_, i) => from + i).filter((seed) => !known.has(seed))
  const began = performance.now()
  let [next, passed, failed] = [0, 0, 0]
  const perMinute = () => Math.round((passed + failed) / ((performance.now() - began) / 60_000))
  const take = ({ seed, broken }: Result) => {
    if (broken.length === 0) passed++
    else failed++
    if (broken.length === 0 && resume !== undefined) appendFileSync(resume, `${seed}\n`)
    for (const what of broken) process.stdout.write(`seed ${seed}: BROKEN: ${what}\n`)
    if (broken.length > 0) process.stdout.write(`seed ${seed}: ${commandOf({ ...mixed(seed), plant })}\n`)
    if ((passed + failed) % TOLD_EVERY === 0)
      process.stderr.write(`${passed + failed} of ${left.length} seeds, ${failed} failed, ${perMinute()} a minute\n`)
  }
  await Promise.all(
    Array.from({ length: Math.min(workers, left.length) }, () => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { plant } })
      return new Promise<void>((settle, reject) => {
        const give = () => {
          if (next < left.length) return worker.postMessage(left[next++])
          settle(worker.terminate().then(() => {}))
        }
        worker.on("error", reject)
        worker.on("message", (result: Result) => {
          take(result)
          give()
        })
        give()
      })
    }),
  )
  const before = seeds - left.length
  const kept = before === 0 ? "" : `, ${before} before`
  process.stdout.write(`${passed} passed, ${failed} failed${kept}: ${perMinute()} seeds a minute\n`)
  if (failed > 0) process.exitCode = 1
}

function work(plant: Plant | null): void {
  parentPort!.on("message", (seed: number) => {
    const { broken } = simulate({ ...mixed(seed), plant })
    parentPort!.postMessage({ seed, broken } satisfies Result)
  })
}

if (!isMainThread) work((workerData as { plant: Plant | null }).plant)
else {
  try {
    await main(read(process.argv.slice(2)))
  } catch (error) {
    const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS")
    if (!isUsage) throw error
    process.stderr.write(`${(error as Error).message}\n${USAGE}\n`)
    process.exitCode = 2
  }
}
