/*
 * A test that cannot fail is no test: each promise is broken on purpose in a copy of the agent, and the test that keeps
 * it must fail there, with its own words. Prints a table; ends with 1 if a mutant survives.
 *
 *   npm run test:mutants [NAME…]
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { delimiter, join, resolve } from "node:path"
import { tempDir } from "../support/temp-dir.ts"
import type { Mutant } from "./mutants/mutant.ts"
import { MUTANTS } from "./mutants/table.ts"

const ROOT = resolve(import.meta.dirname, "../..")
const COPIED = ["agent", "plugins", "test", "packaging", "package.json", ".mocharc.json", "tsconfig.json"]
const TIMEOUT_MS = 240_000

interface Verdict {
  readonly killed: boolean
  readonly why: string
}

const chosen = process.argv.slice(2)
const mutants = MUTANTS.filter(({ name }) => chosen.length === 0 || chosen.includes(name))
if (mutants.length === 0)
  throw new Error(`there is no such mutant; there are: ${MUTANTS.map(({ name }) => name).join(", ")}`)

const tree = copyTree()
let survived = 0
for (const mutant of mutants) {
  const began = performance.now()
  const { killed, why } = await judge(mutant)
  if (!killed) survived++
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${killed ? "killed  " : "SURVIVED"} ${mutant.name.padEnd(28)} ${seconds.padStart(6)} s  ${mutant.spec}`)
  console.log(`         ${why}`)
}
console.log(`\n${mutants.length - survived} passed, ${survived} failed`)
process.exitCode = survived === 0 ? 0 : 1

function copyTree(): string {
  const folder = tempDir("mutants")
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"))
  return folder
}

async function judge(mutant: Mutant): Promise<Verdict> {
  const originals = new Map<string, string>()
  try {
    for (const { file, from, to } of mutant.patches) {
      const path = join(tree, file)
      const text = readFileSync(path, "utf8")
      if (!originals.has(path)) originals.set(path, text)
      const places = text.split(from).length - 1
      if (places !== 1) return { killed: false, why: `the patch of ${file} fits ${places} times: bring it up to date` }
      writeFileSync(
        path,
        text.replace(from, () => to),
      )
    }
    const { code, output } = await runSpec(mutant)
    if (code === 0) return { killed: false, why: "the test passed although the promise was broken" }
    const said = mutant.says.exec(output)
    if (said === null)
      return { killed: false, why: `the test failed, but not with ${mutant.says}:\n${output.slice(-2000)}` }
    return { killed: true, why: said[0].trim().slice(0, 160) }
  } finally {
    for (const [path, text] of originals) writeFileSync(path, text)
  }
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
