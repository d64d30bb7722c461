// What a fresh clone lacks: npm's packages, and the programs that the tests run as real clients.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** One line to stderr. */
export function say(line) {
  process.stderr.write(`mesg: ${line}\n`)
}

/** Installs what package-lock.json says where node_modules lacks it; ends the process where that fails. */
export function ensureDependencies(root) {
  if (isInstalled(root)) return
  const release = lock(join(root, ".install-lock"))
  let problem = null
  try {
    if (!isInstalled(root)) problem = install(root)
  } finally {
    release()
  }
  if (problem === null) return
  say(problem)
  process.exit(1)
}

/** @returns null, or what went wrong */
function install(root) {
  if (differencesFromLock(root).length > 0) {
    const started = Date.now()
    say("installing the packages of package-lock.json (first run or changed lock) …")
    const result = npm(root)
    if (result.status !== 0) {
      return `npm failed${result.error ? `: ${result.error.message}` : ""}. Is the network there, and the disk not full?`
    }
    const differences = differencesFromLock(root)
    if (differences.length > 0) return `npm did not install what package-lock.json says: ${differences.join(", ")}`
    say(`installed in ${Math.round((Date.now() - started) / 1000)} s`)
  }
  writeFileSync(stampFile(root), stampOf(root))
  return null
}

// `npm ci` refuses a lock in which optional packages of other platforms are missing. `npm install --no-save` takes the
// versions and hashes of the lock and changes no file; that it did is checked after.
function npm(root) {
  const program = process.env.npm_execpath ?? "npm"
  const options = ["install", "--no-save", "--include=dev", "--include=optional"]
  options.push("--no-audit", "--no-fund", "--loglevel=error")
  const [file, args] = program.endsWith(".js") ? [process.execPath, [program, ...options]] : [program, options]
  return spawnSync(file, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] })
}

function isInstalled(root) {
  return existsSync(stampFile(root)) && readFileSync(stampFile(root), "utf8") === stampOf(root)
}

function stampFile(root) {
  return join(root, "node_modules/.mesg-installed")
}

/** The lock and the machine: a clone may be moved to another architecture. */
function stampOf(root) {
  const hash = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex")
  return `${hash} ${process.platform}-${process.arch}\n`
}

/** @returns packages that are not there in the version of the lock, leaving out those of other machines */
function differencesFromLock(root) {
  const wanted = readPackages(join(root, "package-lock.json"))
  const there = readPackages(join(root, "node_modules/.package-lock.json"))
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc"
  // An optional package that names this machine is the one that works here; the others may be left out.
  const isNeeded = ({ optional, os, cpu, libc: c }) =>
    optional !== true || (cpu !== undefined && fits(os, process.platform) && fits(cpu, process.arch) && fits(c, libc))
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== "" && (isNeeded(entry) || there[path] !== undefined))
    .filter(([path, entry]) => there[path]?.version !== entry.version || !existsSync(join(root, path)))
    .map(([path]) => path)
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {}
}

function fits(list, value) {
  return list === undefined || list.includes(value)
}

/** Two scripts started at once must not install at once. @returns releases the lock */
function lock(folder) {
  for (let waited = 0; ; waited++) {
    try {
      mkdirSync(folder)
      writeFileSync(join(folder, "pid"), String(process.pid))
      return () => rmSync(folder, { recursive: true, force: true })
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
    if (waited === 0) say("another script installs; waiting for it …")
    if (!ownerLives(folder)) rmSync(folder, { recursive: true, force: true })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250)
  }
}

function ownerLives(folder) {
  try {
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"))
    // Between its two steps the owner has not written its id yet.
    return pid === 0 || process.kill(pid, 0)
  } catch (error) {
    return error.code === "ENOENT" || error.code === "EPERM"
  }
}

/** The Debian packages of apt-test.txt: installed by root, named for everybody else. */
export function ensureTestTools(root) {
  const missing = missingPackages(join(root, "packaging/apt-test.txt"))
  if (missing.length === 0) return
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !has("apt-get")) {
    say(`some tests will fail without these Debian packages: sudo apt-get install ${missing.join(" ")}`)
    return
  }
  say(`installing the tests' clients: ${missing.join(" ")} …`)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  const apt = (...args) => spawnSync("apt-get", ["-qq", ...args], { env, encoding: "utf8" })
  apt("update")
  const result = apt("install", "-y", "--no-install-recommends", ...missing)
  if (result.status !== 0) say(`apt-get install failed, some tests will too: ${result.stderr.trim()}`)
}

function missingPackages(list) {
  const names = readFileSync(list, "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
  if (!has("dpkg-query")) {
    say(`this is no Debian: some tests need the programs of ${names.join(", ")}`)
    return []
  }
  const query = spawnSync("dpkg-query", ["-W", "-f=${Package} ${db:Status-Status}\n", ...names], { encoding: "utf8" })
  return names.filter((name) => !query.stdout.split("\n").includes(`${name} installed`))
}

function has(program) {
  return spawnSync("which", [program], { stdio: "ignore" }).status === 0
}
