import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parseDocument } from "../../../agent/api/cli/document.ts"
import { placed } from "../../../agent/api/cli/verdict.ts"
import { type SeededRandom, seededRandom } from "../../../agent/base/random.ts"
import { compileWorkflow } from "../../../agent/core/workflow/compile.ts"
import { checkApplication } from "../../../agent/core/workflow/rules.ts"
import { JsonataExpressions } from "../../../agent/io/expressions/expressions.ts"
import { RULE_CODES } from "../../../agent/schema/application.ts"
import { scaled } from "../../support/scale.ts"
import { ROOT } from "../../support/sources.ts"
import { catalogueOf, SERVICE_S } from "../../support/workflow.ts"

/*
 * Applications that a slip of the hand, or malice, has changed: whatever the bytes, the answer comes soon, names places
 * that are in the file, and what is accepted compiles.
 */
const FOLDER = join(ROOT, "test/golden/rules")
const originals = [
  ...readdirSync(FOLDER)
    .filter((name) => name.startsWith("valid") && name.endsWith(".yml"))
    .map((name) => readFileSync(join(FOLDER, name))),
  readFileSync(join(ROOT, "docs/examples/electric-car/app.yml")),
]
const ANSWER_MS_MAX = 200

const expressions = new JsonataExpressions()
const catalogue = catalogueOf([SERVICE_S])

type Mutation = (bytes: Buffer, random: SeededRandom) => Buffer

const linesOf = (bytes: Buffer): string[] => bytes.toString("latin1").split("\n")
const joined = (lines: readonly string[]): Buffer => Buffer.from(lines.join("\n"), "latin1")
const at = (lines: readonly string[], random: SeededRandom): number => random.below(lines.length)

const SNIPPETS = [
  "{{",
  "}}",
  "{",
  "}",
  "[",
  "]",
  ": ",
  "- ",
  "? ",
  "&a ",
  "*a ",
  "!!x ",
  "|\n",
  ">\n",
  "'",
  '"',
  "#",
  "%",
  "@",
  "`",
  "\t",
  "\r\n",
  "\n---\n",
  "\n...\n",
  "<<: ",
  "~",
  "null",
  "after",
  "wait",
  "run",
  "tasks",
  "__proto__",
  "constructor",
  ".inf",
  "1e999",
  "99999999999999999999",
  "{{ tasks.a.data }}",
  "{{ $eval('1') }}",
  "{{ a ? b : c ?: d }}",
  "\u0000",
]

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "a flipped bit": (bytes, random) => {
    const copy = Buffer.from(bytes)
    const i = random.below(copy.length)
    copy[i] = copy[i]! ^ (1 << random.below(8))
    return copy
  },
  "a line left out": (bytes, random) => {
    const lines = linesOf(bytes)
    return joined(lines.toSpliced(at(lines, random), 1))
  },
  "a line twice": (bytes, random) => {
    const lines = linesOf(bytes)
    const i = at(lines, random)
    return joined(lines.toSpliced(i, 0, lines[i]!))
  },
  "a line elsewhere": (bytes, random) => {
    const lines = linesOf(bytes)
    const [line] = lines.splice(at(lines, random), 1)
    return joined(lines.toSpliced(random.below(lines.length + 1), 0, line!))
  },
  "another indentation": (bytes, random) => {
    const lines = linesOf(bytes)
    const i = at(lines, random)
    const line = lines[i]!
    return joined(lines.with(i, random.below(2) === 0 ? ` ${line}` : line.replace(/^ {1,2}/, "")))
  },
  "a piece left out": (bytes, random) => {
    const from = random.below(bytes.length)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(12))])
  },
  "a snippet put in": (bytes, random) => {
    const i = random.below(bytes.length + 1)
    const snippet = Buffer.from(SNIPPETS[random.below(SNIPPETS.length)]!)
    return Buffer.concat([bytes.subarray(0, i), snippet, bytes.subarray(i)])
  },
  "a value that nests": (bytes, random) => {
    const levels = 1 + random.below(200)
    const [open, close] = random.below(2) === 0 ? ["[", "]"] : ["{ a: ", "}"]
    const lines = linesOf(bytes)
    const i = at(lines, random)
    const nested = `$1: ${open.repeat(levels)}${random.below(3) === 0 ? "" : close.repeat(levels)}`
    return joined(lines.with(i, lines[i]!.replace(/^(\s*[\w-]+):.*$/, nested)))
  },
  "two files in one": (bytes, random) => {
    const other = originals[random.below(originals.length)]!
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))])
  },
}
const NAMES = Object.keys(MUTATIONS)

function mutated(random: SeededRandom): { bytes: Buffer; by: string[] } {
  let bytes: Buffer = Buffer.from(originals[random.below(originals.length)]!)
  const by: string[] = []
  for (let left = 1 + random.below(3); left > 0 && bytes.length > 0; left--) {
    const name = NAMES[random.below(NAMES.length)]!
    by.push(name)
    bytes = MUTATIONS[name]!(bytes, random)
  }
  return { bytes, by }
}

/** @returns whether it was accepted */
function judge(bytes: Buffer): boolean {
  const source = parseDocument("app.yml", bytes)
  const judged =
    source.value === undefined
      ? { refusals: [], warnings: [], application: null }
      : checkApplication(source.value, catalogue, expressions)
  const { ok, refusals, warnings } = placed({ ok: true, ...judged }, source)
  const lines = bytes.toString("latin1").split(/\n/).length
  for (const { line, column, rule, message, remedy, file } of refusals) {
    assert.ok(line! >= 1 && line! <= lines, `line ${line} of ${lines}: ${message}`)
    assert.ok(column! >= 1 && file === "app.yml")
    assert.ok(RULE_CODES.includes(rule) && message.length > 0 && remedy.length > 0, `${rule}: ${message}: ${remedy}`)
  }
  for (const { line, message } of warnings) assert.ok(line! <= lines && message.length > 0)
  assert.ok(ok || refusals.length > 0)
  assert.equal(source.value === undefined && ok, false, "what cannot be read is refused")
  if (!ok) return false
  const { application } = judged
  assert.ok(application !== null, "what breaks no rule is an application")
  for (const workflow of Object.keys(application.workflows)) {
    compileWorkflow(application, workflow, 1, {}, catalogue)
  }
  return true
}

describe("mutated applications", () => {
  const runs = scaled(5000, 200_000)

  it(`are answered within ${ANSWER_MS_MAX} ms, without a throw, at places that are there`, () => {
    for (const original of originals) judge(original)
    const random = seededRandom(20_261_122)
    let accepted = 0
    // Of the processor, not of the clock: what else runs on the machine is no fault of the text.
    let slowestMs = 0
    for (let run = 0; run < runs; run++) {
      const { bytes, by } = mutated(random)
      const before = process.threadCpuUsage()
      try {
        if (judge(bytes)) accepted++
        const { user, system } = process.threadCpuUsage(before)
        slowestMs = Math.max(slowestMs, (user + system) / 1000)
      } catch (error) {
        throw new Error(`run ${run}, ${by.join(", ")}:\n${bytes.toString("latin1")}`, { cause: error })
      }
      assert.ok(
        slowestMs <= ANSWER_MS_MAX,
        `run ${run}, ${by.join(", ")}: ${Math.round(slowestMs)} ms:\n${bytes.toString("latin1")}`,
      )
    }
    assert.ok(accepted > runs / 50, `${accepted} of ${runs} are still fine`)
    assert.ok(accepted < runs / 2, `${accepted} of ${runs} are still fine`)
  }).timeout(scaled(120_000, 3_600_000))
})
