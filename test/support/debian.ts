import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { text } from "node:stream/consumers"

/** Where the Debian is that was made, and what of it is running. */
export const CACHE = "/var/cache/mesg-test"
const SUITE = "bookworm"
/** The smallest that boots and that what is tested inside can be served to and looked at. */
const PACKAGES = "systemd,systemd-sysv,dbus,openssl,curl,mosquitto-clients,libatomic1,libstdc++6,procps,python3"
const TIMEOUT_S = 300
/** How coreutils' timeout ends when it had to kill. */
const KILLED = 137

/** Why something cannot be tried on this machine: that says nothing about the agent. */
export class NotHere extends Error {}

/**
 * A Debian as debootstrap makes it, once for all that needs one on this machine.
 * @returns its folder, from which nothing is run: it is copied
 * @throws NotHere where none can be made
 */
export async function bareDebian(): Promise<string> {
  removeUnfinished()
  const name = createHash("sha256").update(PACKAGES).digest("hex").slice(0, 8)
  const folder = join(CACHE, `${SUITE}-${name}`)
  if (existsSync(folder)) return folder
  if (process.getuid?.() !== 0) throw new NotHere("debootstrap needs root")
  if (spawnSync("debootstrap", ["--version"]).error) throw new NotHere("there is no debootstrap")
  mkdirSync(CACHE, { recursive: true })
  const unfinished = `${folder}.${process.pid}`
  const words = ["--variant=minbase", `--include=${PACKAGES}`, SUITE, unfinished, ...mirror()]
  // Not by a timer of ours: who asks may be busy with something else for longer.
  const made = spawn("timeout", ["--signal=KILL", String(TIMEOUT_S), "debootstrap", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(made.stdout),
    text(made.stderr),
    once(made, "close") as Promise<[number | null]>,
  ])
  if (code !== 0) {
    rmSync(unfinished, { recursive: true, force: true })
    const last = `${stdout}${stderr}`.trim().split("\n").slice(-2).join(" ")
    const why = code === KILLED ? `not within ${TIMEOUT_S} s; ${last}` : last
    throw new NotHere(`debootstrap could not make a ${SUITE}: ${why}`)
  }
  // Another run may have made it meanwhile.
  if (existsSync(folder)) rmSync(unfinished, { recursive: true })
  else renameSync(unfinished, folder)
  return folder
}

/** That from which this machine has its own packages, where it is one of the same Debian: it is known to be reached. */
function mirror(): string[] {
  const words = ["indextargets", "--format", "$(REPO_URI) $(RELEASE)"]
  const { stdout } = spawnSync("apt-get", words, { encoding: "utf8" })
  const uri = new RegExp(`^(https?://\\S+) ${SUITE}$`, "m").exec(stdout ?? "")?.[1]
  return uri === undefined ? [] : [uri]
}

/**
 * What was begun by a process that has ended. What has failed stays to be looked at until the next one begins; two that
 * begin at once take the same away.
 */
function removeUnfinished(): void {
  if (!existsSync(CACHE)) return
  for (const name of readdirSync(CACHE)) {
    const pid = /^(?:running-|\.#running-|.*\.)(\d+)(?:\.lck)?$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(CACHE, name), { recursive: true, force: true })
  }
}
