// The checks that are no tests: format, types, lint, layers, dead code, generated documents, sizes.
// Prints one line for each, what it said where it failed, and `N passed, N failed` as the last line.
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const LAYERED = ["agent", "plugins", "nodered-nodes", "firmware-bridge", "test"].filter((name) =>
  existsSync(join(ROOT, name)),
)

const CHECKS = [
  { name: "format", run: () => tool("biome", "format", ".") },
  { name: "types", run: () => tool("tsc", "-p", ".") ?? tool("tsc", "-p", "nodered-nodes/src/editor") },
  { name: "lint", run: () => tool("oxlint", "--type-aware", "--deny-warnings") },
  { name: "layers", run: layers },
  { name: "dead code", run: () => tool("knip", "--no-progress") },
  { name: "generated documents", run: () => tool("node", "packaging/docs.ts", "--check") },
  { name: "size budget", run: sizes },
]

const chosen = process.argv.slice(2)
let failed = 0
const selected = CHECKS.filter(({ name }) => chosen.length === 0 || chosen.includes(name))
for (const { name, run } of selected) {
  const started = performance.now()
  const problem = run()
  console.log(`${problem === null ? "ok    " : "FAILED"} ${name} (${Math.round(performance.now() - started)} ms)`)
  if (problem === null) continue
  failed++
  console.log(problem.replace(/^/gm, "    "))
}
if (selected.length === 0) {
  console.log(`there is no check of that name; there are: ${CHECKS.map(({ name }) => name).join(", ")}`)
  failed++
}
console.log(`${selected.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** @returns null, or what it said */
function tool(name, ...args) {
  const result = execute(name, args)
  return result.status === 0 ? null : `${result.stdout}${result.stderr}`.trim() || `${name} ended with ${result.status}`
}

function execute(name, args) {
  return spawnSync(join(ROOT, "node_modules/.bin", name), args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1e8 })
}

// dependency-cruiser says "no violations" also when it understands no file at all: the modules are counted.
function layers() {
  const result = execute("depcruise", ["--config", ".dependency-cruiser.mjs", "--output-type", "json", ...LAYERED])
  if (result.stdout === "") return result.stderr
  const { modules, summary } = JSON.parse(result.stdout)
  const ours = modules.filter(({ source }) => /^(agent|plugins)\/.*\.ts$/.test(source))
  const withImports = ours.filter(({ dependencies }) => dependencies.length > 0)
  if (withImports.length < 50) return `only ${withImports.length} modules of ${ours.length} were understood`
  const errors = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)
  return errors.length === 0 ? null : errors.join("\n")
}

/** What `npm ci --omit=dev` puts on a gateway beside Node itself; each new package is a decision. */
function sizes() {
  const budget = JSON.parse(readFileSync(join(ROOT, "packaging/size-budget.json"), "utf8"))
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"))
  const shipped = Object.entries(packages).filter(([path, { dev, optional }]) => path !== "" && !dev && !optional)
  const kib = shipped.reduce((sum, [path]) => sum + Number(du(join(ROOT, path))), 0)
  const problems = []
  if (shipped.length > budget.packages)
    problems.push(`${shipped.length} packages are shipped, at most ${budget.packages}`)
  if (kib > budget.kib) problems.push(`they take ${kib} KiB, at most ${budget.kib}`)
  return problems.length === 0 ? null : problems.join("\n")
}

function du(path) {
  return spawnSync("du", ["-sk", "--exclude=node_modules", path], { encoding: "utf8" }).stdout.split("\t")[0]
}
