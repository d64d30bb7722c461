// Runs golden vectors that lie outside the checkout through `npm run conform`: `node packaging/vectors.mjs FOLDER`.
// Ends with `N passed, N failed`; a folder that is not there has nothing to run.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = resolve(process.argv[2] ?? "")

const SUITES = [
  {
    name: "execution",
    files: ["execution", /^cases\.jsonl$/],
    question: ({ line }) => JSON.stringify(line),
    problem: executionProblem,
  },
  {
    name: "ed25519",
    files: ["ed25519", /^vectors\.jsonl$/],
    question: ({ pk, msg, sig }) => JSON.stringify({ pk, msg, sig }),
    problem: ({ expect }, said) => (said === String(expect) ? null : `said ${said}, not ${expect}`),
  },
  {
    name: "round",
    files: ["tendermint", /^round-.*\.jsonl?$/],
    question: (trace) => JSON.stringify(trace),
    problem: ({ states }, text) =>
      traceProblem(
        states.slice(1).map(({ state, output }) => ({ state, output: untold(output) })),
        text,
      ),
  },
  {
    name: "votekeeper",
    files: ["tendermint", /^votekeeper-.*\.jsonl?$/],
    question: (trace) => JSON.stringify(trace),
    problem: ({ states }, text) =>
      traceProblem(
        states.map(({ lastEmitted }) => lastEmitted),
        text,
      ),
  },
  {
    name: "driver",
    files: ["tendermint", /^(?:driver|scenario-.*)\.jsonl?$/],
    question: (trace) => JSON.stringify(trace),
    problem: ({ steps }, text) =>
      traceProblem(
        steps.map(({ output }) => untold(output)),
        text,
      ),
  },
]

let passed = 0
let failed = 0
for (const suite of SUITES) run(suite)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function run({ name, files: [place, pattern], question, problem }) {
  const path = join(folder, place)
  const files = existsSync(path) ? readdirSync(path).filter((file) => pattern.test(file)) : []
  if (files.length === 0) {
    console.log(`${name}: no vectors at ${path}`)
    return
  }
  const cases = files.sort().flatMap((file) => casesOf(join(path, file)))
  const input = `${cases.map(question).join("\n")}\n`
  const conform = spawnSync("npm", ["run", "--silent", "conform", "--", name], {
    cwd: ROOT,
    input,
    encoding: "utf8",
    maxBuffer: 1e8,
  })
  const answers = conform.stdout.trimEnd().split("\n")
  if (conform.status !== 0 || answers.length !== cases.length) {
    failed += cases.length
    console.log(`FAILED ${name}: ${answers.length} answers to ${cases.length} lines\n${conform.stderr.trim()}`)
    return
  }
  for (const [i, one] of cases.entries()) {
    const said = problem(one, answers[i])
    if (said === null) passed++
    else {
      failed++
      console.log(`FAILED ${name} ${i + 1} (${one.kind ?? one.name}): ${said}`)
    }
  }
  console.log(`${name}: ${cases.length} vectors`)
}

/** One a line in a `.jsonl`, one in a `.json`; each has a name. */
function casesOf(file) {
  const text = readFileSync(file, "utf8").trim()
  const lines = file.endsWith(".jsonl") ? text.split("\n") : [text]
  return lines.map((line, i) => ({ name: lines.length > 1 ? `line ${i + 1}` : basename(file), ...JSON.parse(line) }))
}

/** Texts of errors are not compared. */
function untold(output) {
  return output.tag === "ErrorOutput" ? { ...output, value: "" } : output
}

function traceProblem(wanted, text) {
  const said = JSON.parse(text)
  if (said.length !== wanted.length) return `${said.length} answers to ${wanted.length} steps`
  const wrong = wanted.findIndex((one, i) => !isDeepStrictEqual(said[i], one))
  if (wrong < 0) return null
  return `step ${wrong + 1}: ${JSON.stringify(said[wrong])}, not ${JSON.stringify(wanted[wrong])}`
}

/** `branches` counts only where it is given; a refusal counts whatever its rule. */
function executionProblem({ expect, refused }, text) {
  const said = JSON.parse(text)
  if (refused !== undefined) return said.refused?.length > 0 ? null : `it is not refused: ${text}`
  if (!Array.isArray(said)) return `it is refused: ${text}`
  if (said.length !== expect.length) return `${said.length} answers to ${expect.length} inputs`
  for (const [i, wanted] of expect.entries()) {
    const { branches, ...rest } = said[i]
    const got = wanted.branches === undefined ? rest : { ...rest, branches }
    if (!isDeepStrictEqual(got, wanted)) return `input ${i + 1}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`
  }
  return null
}
