import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Why nothing can be played on this machine: that says nothing about the agent. */
export class NotHere extends Error {}

const CACHE = "/var/cache/mesg-test"
const SUITE = "bookworm"
const PACKAGES = "systemd,systemd-sysv,dbus,openssl,curl,mosquitto-clients,libatomic1,libstdc++6,procps,python3"
const DEBOOTSTRAP_TIMEOUT_MS = 600_000
const BOOT_TIMEOUT_MS = 400_000
/** How systemd-nspawn ends when the system inside wants to boot again and a unit of its own is not there to do so. */
const REBOOT = 133

/**
 * A Debian that can boot, of its own, in a folder.
 * @throws NotHere where this machine makes or runs none
 */
export function makeMachine(): string {
  if (process.getuid?.() !== 0) throw new NotHere("it boots a Debian in systemd-nspawn, which needs root")
  for (const program of ["debootstrap", "systemd-nspawn"]) {
    if (spawnSync(program, ["--version"]).error) throw new NotHere(`there is no ${program}`)
  }
  removeLeft()
  const root = join(CACHE, `running-${process.pid}`)
  execFileSync("cp", ["-a", "--reflink=auto", bare(), root])
  // Names are looked up nowhere else, nothing else is woken by the clock, and logs are there when it has ended.
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost gateway\n")
  writeFileSync(join(root, "etc/hostname"), "gateway\n")
  writeFileSync(join(root, "etc/resolv.conf"), "")
  symlinkSync("/dev/null", join(root, "etc/systemd/system/timers.target"))
  mkdirSync(join(root, "var/log/journal"), { recursive: true })
  const { status, stderr, error } = run(root, ["true"])
  if (status === 0) return root
  rmSync(root, { recursive: true })
  throw new NotHere(`systemd-nspawn cannot run here: ${(stderr || error?.message || `it ended with ${status}`).trim()}`)
}

/** Runs a command inside, without systemd, and without a network but the loopback. */
export function run(root: string, words: readonly string[]) {
  return nspawn(root, "--as-pid2", "--", ...words)
}

/** Boots it, `boots` times at most as long as it wants to boot again. @returns what it wrote where it did not end well */
export function boot(root: string, boots: number): string {
  // What was put there is on the disk: the first file that is flushed inside would wait for all of it.
  execFileSync("sync", ["-f", root])
  for (let nth = 1; ; nth++) {
    const { status, stdout, stderr, error } = nspawn(root, "--boot")
    if (status === 0) return ""
    if (status === REBOOT && nth < boots) continue
    return `boot ${nth} ended with ${status} ${error?.message ?? ""}\n${stdout}${stderr}`
  }
}

/** @returns the last words of its journal, of all boots */
export function journal(root: string, lines: number): string {
  const words = ["-D", join(root, "var/log/journal"), "-n", `${lines}`, "-o", "short-precise", "--no-pager"]
  return spawnSync("journalctl", words, { encoding: "utf8" }).stdout
}

function nspawn(root: string, ...words: readonly string[]) {
  // Whoever ends it ends all that is inside.
  const options = [
    "-D",
    root,
    "--kill-signal=SIGKILL",
    "--register=no",
    "--keep-unit",
    "--private-network",
    "--quiet",
    ...words,
  ]
  return spawnSync("systemd-nspawn", options, {
    stdio: "pipe",
    encoding: "utf8",
    timeout: BOOT_TIMEOUT_MS,
  })
}

/** As debootstrap makes it, once for all runs on this machine. */
function bare(): string {
  const name = createHash("sha256").update(PACKAGES).digest("hex").slice(0, 8)
  const folder = join(CACHE, `${SUITE}-${name}`)
  if (existsSync(folder)) return folder
  mkdirSync(CACHE, { recursive: true })
  const unfinished = `${folder}.${process.pid}`
  const words = ["--variant=minbase", `--include=${PACKAGES}`, SUITE, unfinished]
  const { status, stdout, stderr } = spawnSync("debootstrap", words, {
    encoding: "utf8",
    timeout: DEBOOTSTRAP_TIMEOUT_MS,
    killSignal: "SIGKILL",
  })
  if (status !== 0) {
    rmSync(unfinished, { recursive: true, force: true })
    const last = `${stdout}${stderr}`.trim().split("\n").slice(-2).join(" ")
    throw new NotHere(`debootstrap could not make a ${SUITE}: ${last}`)
  }
  // Another run may have made it meanwhile.
  if (existsSync(folder)) rmSync(unfinished, { recursive: true })
  else renameSync(unfinished, folder)
  return folder
}

/** What failed stays to be looked at until the next run. */
function removeLeft(): void {
  if (!existsSync(CACHE)) return
  for (const name of readdirSync(CACHE)) {
    const pid = /^(?:running-|.*\.)(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(CACHE, name), { recursive: true })
  }
}
