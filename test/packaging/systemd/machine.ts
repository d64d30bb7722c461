import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { bareDebian, CACHE, NotHere } from "../../support/debian.ts"
import { until } from "../../support/until.ts"
import { type OwnCgroup, ownCgroup } from "./own-cgroup.ts"

const ROOM_BYTES = 4e9
/** From the first boot until what is to be run inside has begun. */
const BEGIN_TIMEOUT_MS = 150_000
const BOOT_TIMEOUT_MS = 400_000
/** How systemd-nspawn ends when the system inside wants to boot again and a unit of its own is not there to do so. */
const REBOOT = 133

/** How something inside has ended. */
interface Ended {
  readonly status: number | null
  readonly said: string
}

/** A Debian that can boot, of its own, in a folder. */
export interface Machine {
  readonly root: string
  /** Runs a command inside, without systemd, and without a network but the loopback. */
  run(words: readonly string[]): Promise<Ended>
  /**
   * Boots it, `boots` times at most as long as it wants to boot again.
   * @param begun a file that is there as soon as what is run inside has begun
   * @returns what it wrote where it did not end well
   * @throws NotHere where it never began at the first boot
   */
  boot(boots: number, begun: string): Promise<string>
  /** @returns the last words of its journal, of all boots */
  journal(lines: number): string
  /** The machine ends. What is in its folder stays if it is to be looked at. */
  end(keep: boolean): void
}

/** @throws NotHere where this machine makes or runs none */
export async function makeMachine(): Promise<Machine> {
  if (process.getuid?.() !== 0) throw new NotHere("it boots a Debian in systemd-nspawn, which needs root")
  if (spawnSync("systemd-nspawn", ["--version"]).error) throw new NotHere("there is no systemd-nspawn")
  const bare = await bareDebian()
  const { bavail, bsize } = statfsSync(CACHE)
  if (bavail * bsize < ROOM_BYTES) throw new NotHere(`${CACHE} has ${bavail * bsize} bytes left, not ${ROOM_BYTES}`)
  const root = join(CACHE, `running-${process.pid}`)
  const cgroup = ownCgroup(`mesg-test-${process.pid}`)
  const machine = machineIn(root, cgroup)
  try {
    execFileSync("cp", ["-a", "--reflink=auto", bare, root])
    settle(root)
    const { status, said } = await machine.run(["true"])
    if (status !== 0) throw new NotHere(`systemd-nspawn cannot run here: ${said || `it ended with ${status}`}`)
  } catch (error) {
    machine.end(false)
    throw error
  }
  return machine
}

/** Names are looked up nowhere else, nothing else is woken by the clock, and logs are there when it has ended. */
function settle(root: string): void {
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost gateway\n")
  writeFileSync(join(root, "etc/hostname"), "gateway\n")
  writeFileSync(join(root, "etc/resolv.conf"), "")
  symlinkSync("/dev/null", join(root, "etc/systemd/system/timers.target"))
  mkdirSync(join(root, "var/log/journal"), { recursive: true })
}

function machineIn(root: string, cgroup: OwnCgroup): Machine {
  return {
    root,
    run: (words) => nspawn(root, cgroup, ["--as-pid2", "--", ...words]).ended,
    async boot(boots, begun) {
      // What was put there is on the disk: the first file that is flushed inside would wait for all of it.
      execFileSync("sync", ["-f", root])
      for (let nth = 1; ; nth++) {
        const { ended, kill } = nspawn(root, cgroup, ["--boot"])
        if (nth === 1) await begins(ended, kill, begun)
        const { status, said } = await ended
        if (status === 0) return ""
        if (status === REBOOT && nth < boots) continue
        return `boot ${nth} ended with ${status}\n${said}`
      }
    },
    journal(lines) {
      const words = ["-D", join(root, "var/log/journal"), "-n", `${lines}`, "-o", "short-precise", "--no-pager"]
      return spawnSync("journalctl", words, { encoding: "utf8" }).stdout
    },
    end(keep) {
      cgroup.remove()
      if (!keep) rmSync(root, { recursive: true, force: true })
    },
  }
}

/** @throws NotHere where it has ended, or the time is over, before anything was begun inside */
async function begins(ended: Promise<Ended>, kill: () => void, begun: string): Promise<void> {
  let early: Ended | undefined
  void ended.then((how) => {
    early = how
  })
  const isDecided = () => existsSync(begun) || early !== undefined
  const inTime = await until(isDecided, BEGIN_TIMEOUT_MS, "its first word").then(
    () => true,
    () => false,
  )
  if (existsSync(begun)) return
  kill()
  const { status, said } = await ended
  const why = inTime ? `it ended with ${status}` : `nothing was begun inside within ${BEGIN_TIMEOUT_MS} ms`
  throw new NotHere(`systemd does not come up in systemd-nspawn: ${why} ${said.trim().split("\n").at(-1) ?? ""}`.trim())
}

/** Whoever ends it ends all that is inside. */
function nspawn(root: string, cgroup: OwnCgroup, words: readonly string[]) {
  const script = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit; shift; done; shift; exec systemd-nspawn "$@"'
  const options = ["-D", root, "--kill-signal=SIGKILL", "--register=no", "--keep-unit", "--private-network", "--quiet"]
  const args = ["-c", script, "sh", ...cgroup.files, "--", ...options, ...words]
  const child = spawn("sh", args, { stdio: ["ignore", "pipe", "pipe"], timeout: BOOT_TIMEOUT_MS })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close") as Promise<[number | null]>])
  return {
    kill: () => child.kill(),
    ended: ended.then(([stdout, stderr, [status]]): Ended => ({ status, said: `${stdout}${stderr}` })),
  }
}
