// Every npm script: installs what is missing, then runs the command on the Node that package-lock.json pins.
// Plain JavaScript for Node >= 20, without dependencies: it runs before there are any. Progress goes to stderr, so that
// stdout is the command's own.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { ensureBundle } from "./bundle.mjs"
import { ensureDependencies, ensureTestTools, say } from "./set-up.mjs"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BIN = join(ROOT, "node_modules/.bin")
const SUITES = "test/**/*.test.ts"

/** Code is compiled once: commands start three times as fast. Type stripping is what we run on, not news. */
const FOR_NODE = {
  NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/mesg"),
  NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
}

const COMMANDS = {
  start: (args) => bundled("start.js", args),
  mesg: (args) => bundled("mesg.js", args),
  node: ([script, ...args]) => nodeScript(script, args),
  test: (args) => testSuite(args, process.env.CI_SCALE ?? "small"),
  full: (args) => testSuite(args, "full"),
  // With options one simulation, without all that are tests.
  sim: (args) =>
    args.length > 0
      ? nodeScript("test/sim/chain/main.ts", args)
      : testSuite([join(ROOT, "test/sim/*.test.ts")], "full"),
  suite: (specs) =>
    testSuite(
      specs.map((spec) => join(ROOT, spec)),
      process.env.CI_SCALE ?? "small",
    ),
  mocha: (args) => tool("mocha", args.length > 0 ? args : [SUITES]),
  check: (args) => nodeScript("packaging/checks.mjs", args),
  biome: (args) => tool("biome", args),
}

const [command, ...args] = process.argv.slice(2)
if (!Object.hasOwn(COMMANDS, command ?? "")) {
  say(`packaging/run.mjs takes one of: ${Object.keys(COMMANDS).join(", ")}`)
  process.exit(2)
}
ensureDependencies(ROOT)
process.exitCode = await COMMANDS[command](args)

/** The script is the project's; the paths among its arguments are meant from where the user stands. */
function nodeScript(script, args) {
  return run(pinnedNode(), [join(ROOT, script), ...args], { cwd: process.env.INIT_CWD ?? process.cwd() })
}

/** What users run, as they run it: no TypeScript on the way. */
function bundled(name, args) {
  const node = pinnedNode()
  return run(node, [join(ensureBundle(ROOT, node), name), ...args], { cwd: process.env.INIT_CWD ?? process.cwd() })
}

function tool(name, args) {
  return run(join(BIN, name), args, { cwd: ROOT })
}

function testSuite(args, scale) {
  ensureTestTools(ROOT)
  const specs = args.length > 0 ? args.map((path) => resolve(process.env.INIT_CWD ?? ROOT, path)) : [SUITES]
  const reporter = join(ROOT, "packaging/test-reporter.mjs")
  return run(join(BIN, "mocha"), ["--reporter", reporter, "--forbid-only", "--fail-zero", ...specs], {
    cwd: ROOT,
    env: { CI_SCALE: scale },
  })
}

function pinnedNode() {
  const pinned = join(BIN, "node")
  if (existsSync(pinned)) return pinned
  if (Number(process.versions.node.split(".")[0]) >= 26) return process.execPath
  say(`there is no Node 26 for ${process.platform}-${process.arch} in npm: a 64-bit Linux (x64 or arm64) is needed`)
  return process.exit(1)
}

/** @returns the exit code as a shell tells it */
function run(file, args, { cwd, env = {} }) {
  const path = [BIN, process.env.PATH].filter(Boolean).join(delimiter)
  const child = spawn(file, args, { cwd, stdio: "inherit", env: { ...FOR_NODE, ...process.env, ...env, PATH: path } })
  // A terminal sends its signals to the child by itself; from elsewhere they come to this process alone.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
    })
  }
  return new Promise((settle) => {
    child.on("error", (error) => {
      say(`${file} cannot be run: ${error.message}`)
      settle(1)
    })
    child.on("close", (code, signal) => {
      if (signal === "SIGALRM") say("the main loop stood still; the watchdog ended the agent (SIGALRM)")
      settle(code ?? 128 + constants.signals[signal])
    })
  })
}
