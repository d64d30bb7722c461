/*
 * A test that cannot fail is no test: each promise is broken on purpose in a copy of the agent, and the test that keeps
 * it must fail there, with its own words. Prints a table; ends with 1 if a mutant survives.
 *
 *   npm run test:mutants [NAME…]
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { delimiter, join } from "node:path"
import { copyTree, whilePatched } from "./mutants/copy.ts"
import type { Mutant } from "./mutants/mutant.ts"
import { firstSeed, SEEDS_MAX, SIMULATED, type SimulatedMutant } from "./mutants/simulated.ts"
import { MUTANTS } from "./mutants/table.ts"

const TIMEOUT_MS = 240_000

interface Verdict {
  readonly killed: boolean
  readonly why: string
}

const chosen = process.argv.slice(2)
const isChosen = ({ name }: { readonly name: string }) => chosen.length === 0 || chosen.includes(name)
const judgements = [
  ...MUTANTS.filter(isChosen).map((one) => ({ name: one.name, by: one.spec, judge: () => judge(one) })),
  ...SIMULATED.filter(isChosen).map((one) => ({ name: one.name, by: one.program, judge: () => judgeSimulated(one) })),
]
if (judgements.length === 0)
  throw new Error(
    `there is no such mutant; there are: ${[...MUTANTS, ...SIMULATED].map(({ name }) => name).join(", ")}`,
  )

const tree = copyTree()
let survived = 0
for (const { name, by, judge: verdictOf } of judgements) {
  const began = performance.now()
  const { killed, why } = await verdictOf()
  if (!killed) survived++
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${killed ? "killed  " : "SURVIVED"} ${name.padEnd(28)} ${seconds.padStart(6)} s  ${by}`)
  console.log(`         ${why}`)
}
console.log(`\n${judgements.length - survived} passed, ${survived} failed`)
process.exitCode = survived === 0 ? 0 : 1

async function judge(mutant: Mutant): Promise<Verdict> {
  const judged = await whilePatched(tree, mutant.patches, async (): Promise<Verdict> => {
    const { code, output } = await runSpec(mutant)
    if (code === 0) return { killed: false, why: "the test passed although the promise was broken" }
    const said = mutant.says.exec(output)
    if (said === null)
      return { killed: false, why: `the test failed, but not with ${mutant.says}:\n${output.slice(-2000)}` }
    return { killed: true, why: said[0].trim().slice(0, 160) }
  })
  return "misfit" in judged ? { killed: false, why: judged.misfit } : judged
}

/** It must show within SEEDS_MAX, and in the seed that is recorded. */
function judgeSimulated(mutant: SimulatedMutant): Promise<Verdict> {
  return firstSeed(tree, mutant, 1, SEEDS_MAX).then(async (first) => {
    if ("why" in first) return { killed: false, why: first.why }
    const recorded = await firstSeed(tree, mutant, mutant.seed, 1)
    if ("why" in recorded) return { killed: false, why: `not in the recorded seed: ${recorded.why}` }
    return { killed: true, why: `first in seed ${first.seed}, recorded ${mutant.seed}: ${recorded.said}` }
  })
}

async function runSpec({ spec, grep, env }: Mutant): Promise<{ code: number | null; output: string }> {
  const words = [
    "--bail",
    "--exit",
    "--forbid-only",
    "--fail-zero",
    ...(grep === undefined ? [] : ["--grep", grep]),
    spec,
  ]
  const bin = join(tree, "node_modules/.bin")
  const child = spawn(join(bin, "mocha"), words, {
    cwd: tree,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, CI_SCALE: "small", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: a broken agent may outlive its test, and ends with it here.
    detached: true,
  })
  let output = ""
  child.stdout.on("data", (chunk) => (output += String(chunk)))
  child.stderr.on("data", (chunk) => (output += String(chunk)))
  const closed = once(child, "close")
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS)
  const [code] = (await once(child, "exit")) as [number | null]
  clearTimeout(timer)
  // Nobody holds the pipes after this: what was said is here when they close.
  endGroup(child.pid!)
  await closed
  return { code, output }
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}
