import assert from "node:assert/strict"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ROOT } from "../../support/sources.ts"

/** A checkout with one dependency, and a stand-in for npm that puts it there without a network. */
const NPM = `
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
appendFileSync("npm.log", process.argv.slice(2).join(" ") + "\\n")
console.log("added 1 package")
if (existsSync("npm-fails")) process.exit(7)
mkdirSync("node_modules/.bin", { recursive: true })
mkdirSync("node_modules/left", { recursive: true })
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"))
const version = existsSync("npm-installs-another") ? "0.0.1" : packages["node_modules/left"].version
writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/left": { version } } }))
`

describe("packaging/run.mjs", () => {
  let folder: string
  const lock = (version: string) =>
    writeFileSync(
      join(folder, "package-lock.json"),
      JSON.stringify({
        packages: {
          "": {},
          "node_modules/left": { version },
          "node_modules/other-machine": { version: "1.0.0", optional: true, cpu: ["mips"] },
        },
      }),
    )
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "mesg-run-")))
    mkdirSync(join(folder, "packaging"))
    for (const name of ["run.mjs", "set-up.mjs", "bundle.mjs"])
      cpSync(join(ROOT, "packaging", name), join(folder, "packaging", name))
    writeFileSync(join(folder, "npm-cli.js"), NPM)
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
    writeFileSync(
      join(folder, "say.js"),
      "console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd() }))",
    )
    lock("1.0.0")
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const env = (more: Record<string, string> = {}) => {
    const { INIT_CWD: _, ...rest } = process.env
    return { ...rest, npm_execpath: join(folder, "npm-cli.js"), ...more }
  }
  const run = (args: string[], more: Record<string, string> = {}) =>
    spawnSync(process.execPath, ["packaging/run.mjs", ...args], { cwd: folder, env: env(more), encoding: "utf8" })
  const start = (args: string[]): ChildProcess =>
    spawn(process.execPath, ["packaging/run.mjs", ...args], {
      cwd: folder,
      env: env(),
      stdio: ["ignore", "pipe", "pipe"],
    })
  const installs = () =>
    existsSync(join(folder, "npm.log")) ? readFileSync(join(folder, "npm.log"), "utf8").trim().split("\n").length : 0

  it("installs what is missing, once, and keeps standard output for the command", () => {
    const first = run(["node", "say.js", "execution", "list", "--json"])
    assert.equal(first.status, 0, first.stderr)
    assert.deepEqual(JSON.parse(first.stdout), { args: ["execution", "list", "--json"], cwd: folder })
    assert.match(first.stderr, /^mesg: installing [^\n]*\nmesg: installed in \d+ s\n$/)
    const second = run(["node", "say.js"])
    assert.equal(second.stderr, "")
    assert.equal(installs(), 1)
  })

  it("changes no file of the checkout when it installs", () => {
    run(["node", "say.js"])
    assert.match(readFileSync(join(folder, "npm.log"), "utf8"), /^install --no-save /)
  })

  it("installs again when package-lock.json changed", () => {
    run(["node", "say.js"])
    lock("1.0.1")
    assert.equal(run(["node", "say.js"]).status, 0)
    assert.equal(installs(), 2)
  })

  it("takes what npm has already put there for installed", () => {
    mkdirSync(join(folder, "node_modules/left"), { recursive: true })
    const there = { packages: { "node_modules/left": { version: "1.0.0" } } }
    writeFileSync(join(folder, "node_modules/.package-lock.json"), JSON.stringify(there))
    const result = run(["node", "say.js"])
    assert.equal(result.stderr, "")
    assert.equal(installs(), 0)
  })

  it("two at once install once", async () => {
    const both = [start(["node", "say.js"]), start(["node", "say.js"])]
    const codes = await Promise.all(both.map(async (child) => (await once(child, "close"))[0] as number))
    assert.deepEqual(codes, [0, 0])
    assert.equal(installs(), 1)
  })

  it("takes over from one that was killed while it installed", () => {
    const dead = spawnSync(process.execPath, ["-e", ""]).pid
    mkdirSync(join(folder, ".install-lock"))
    writeFileSync(join(folder, ".install-lock/pid"), String(dead))
    assert.equal(run(["node", "say.js"]).status, 0)
    assert.ok(!existsSync(join(folder, ".install-lock")))
  })

  const failures: { name: string; file: string; says: RegExp }[] = [
    { name: "npm fails", file: "npm-fails", says: /npm failed.*network/ },
    {
      name: "npm installs something else",
      file: "npm-installs-another",
      says: /did not install .*: node_modules\/left/,
    },
  ]
  for (const { name, file, says } of failures) {
    it(`runs nothing when ${name}, says so, and can be tried again`, () => {
      writeFileSync(join(folder, file), "")
      const result = run(["node", "say.js"])
      assert.equal(result.status, 1)
      assert.equal(result.stdout, "")
      assert.match(result.stderr, says)
      rmSync(join(folder, file))
      assert.equal(run(["node", "say.js"]).status, 0)
    })
  }

  it("passes the exit code on", () => {
    writeFileSync(join(folder, "say.js"), "process.exit(3)")
    assert.equal(run(["node", "say.js"]).status, 3)
  })

  it("takes the script from the project and its paths from where the user stands", () => {
    const result = run(["node", "say.js", "app.yml"], { INIT_CWD: tmpdir() })
    assert.equal((JSON.parse(result.stdout) as { cwd: string }).cwd, realpathSync(tmpdir()))
  })

  it("hands a signal on and waits for the command to end in order", async () => {
    const text =
      'process.on("SIGTERM", () => { console.log("in order"); process.exit(0) }); setInterval(() => {}, 1e6); console.log("up")'
    writeFileSync(join(folder, "say.js"), text)
    const child = start(["node", "say.js"])
    const out: string[] = []
    child.stdout!.setEncoding("utf8").on("data", (part: string) => {
      out.push(part)
      if (part.includes("up")) child.kill("SIGTERM")
    })
    const [code] = (await once(child, "close")) as [number]
    assert.equal(code, 0)
    assert.match(out.join(""), /in order/)
  })

  it("names its commands when it is given none of them", () => {
    const result = run(["strat"])
    assert.equal(result.status, 2)
    assert.match(result.stderr, /start, mesg, node, test/)
  })
})
