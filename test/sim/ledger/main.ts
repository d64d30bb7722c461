import { parseArgs } from "node:util"
import { simulateLedger } from "./simulation.ts"

/* `node test/sim/ledger/main.ts --seed 7 [--seeds COUNT]`: blocks of one ledger, idle and busy. Ends with 1 where a period broke. */
const { values } = parseArgs({ options: { seed: { type: "string" }, seeds: { type: "string" } } })
const first = Number(values.seed ?? 1)
for (let seed = first; seed < first + Number(values.seeds ?? 1); seed++) {
  const broken = simulateLedger(seed)
  for (const what of broken) process.stdout.write(`seed ${seed}: BROKEN: ${what}\n`)
  if (broken.length === 0) process.stdout.write(`seed ${seed}: all periods held\n`)
  else process.exitCode = 1
}
