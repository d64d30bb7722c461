import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, globSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import { bareDebian, NotHere } from "../../support/debian.ts"
import type { Engine } from "./engine.ts"
import { configOf, type Stage, stagesOf } from "./recipe.ts"

/** Runs what follows in a root of its own, with namespaces of its own for mounts and processes. */
const APART = ["--mount", "--pid", "--fork"]
const STOP_MS = 20_000

/** Everything of a root but its volume is read-only; /tmp is in memory, as an engine gives it. */
const FURNISH = `set -e
root=$1 data=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$data" "$root/data"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec "$@"`

/** The same steps without an engine: each stage of the recipe is a folder, its commands run in it by chroot(8). */
export function chrootEngine(recipe: string, base: string, work: string): Engine {
  const stages = stagesOf(readFileSync(recipe, "utf8"))
  const image = join(work, "stages", String(stages.length - 1))
  const config = configOf(stages.at(-1)!)
  const [uid = "", gid = ""] = config.user.split(":")
  const log = join(work, "log")
  let debian = ""
  let settings: Readonly<Record<string, string>> = {}
  let running: ChildProcess | undefined
  const pid = () => {
    const child = Number(readFileSync(`/proc/${running!.pid}/task/${running!.pid}/children`, "utf8"))
    // 0 would be everything that was started with the tests.
    if (!(child > 0)) throw new Error("nothing runs inside")
    return child
  }
  return {
    async prepare() {
      if (process.getuid?.() !== 0) throw new NotHere("chroot needs root")
      const tried = spawnSync("unshare", [...APART, "true"], { encoding: "utf8" })
      if (tried.status !== 0) throw new NotHere(`no namespaces can be made: ${tried.stderr.trim()}`)
      debian = await bareDebian()
    },
    build(context) {
      for (const [nth, stage] of stages.entries()) {
        const root = join(work, "stages", String(nth))
        mkdirSync(root, { recursive: true })
        if (stage.from === base) execFileSync("cp", ["-a", `${debian}/.`, root])
        else if (stage.from !== "scratch") throw new Error(`the tests have no ${stage.from}`)
        buildStage(stage, root, context, (name) =>
          join(work, "stages", `${stages.findIndex((each) => each.name === name)}`),
        )
      }
    },
    files: () =>
      readdirSync(image, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(image.length + 1)),
    check: () => [...config.check],
    start(data, env) {
      settings = { ...config.env, ...env }
      for (const folder of ["proc", "dev"]) mkdirSync(join(image, folder), { recursive: true })
      const output = openSync(log, "w")
      // Who is not root has no capabilities, and gets none.
      const apart = ["setpriv", "--no-new-privs", "--", "/usr/sbin/chroot", `--userspec=${uid}:${gid}`, "--groups="]
      const words = [...apart, image, ...config.command]
      running = spawn("unshare", [...APART, "sh", "-c", FURNISH, "sh", image, data, ...withEnv(settings, words)], {
        stdio: ["ignore", output, output],
      })
    },
    log: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    pid,
    exec(words) {
      const enter = [
        "nsenter",
        `--target=${pid()}`,
        "--mount",
        "--pid",
        "--root",
        "--wd",
        `--setuid=${uid}`,
        `--setgid=${gid}`,
      ]
      const [file, ...args] = withEnv(settings, [...enter, "--", ...words])
      return execFileSync(file!, args, { encoding: "utf8", stdio: "pipe" }).trim()
    },
    async stop() {
      const ended = once(running!, "exit", { signal: AbortSignal.timeout(STOP_MS) }) as Promise<[number | null]>
      process.kill(pid(), "SIGTERM")
      const [status] = await ended
      running = undefined
      return status ?? -1
    },
    // Who became another user does not end with its parent.
    end: () => void (running?.exitCode === null && process.kill(pid(), "SIGKILL")),
  }
}

/** Runs `words`, found by this machine's PATH, with no environment but the image's. */
function withEnv(env: Readonly<Record<string, string>>, words: readonly string[]): string[] {
  const [program, ...rest] = words
  const file = program!.startsWith("/") ? program! : execFileSync("which", [program!], { encoding: "utf8" }).trim()
  return ["/usr/bin/env", "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), file, ...rest]
}

function buildStage({ instructions }: Stage, root: string, context: string, stage: (name: string) => string): void {
  let shell = ["/bin/sh", "-c"]
  let folder = "/"
  for (const { word, rest } of instructions) {
    if (word === "SHELL") shell = JSON.parse(rest) as string[]
    if (word === "WORKDIR") mkdirSync(join(root, (folder = rest)), { recursive: true })
    if (word === "COPY") copy(rest, root, context, stage)
    if (word !== "RUN") continue
    // The root's own /proc: a program finds itself there.
    const script = 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin; cd "$1" && shift && exec "$@"'
    const inside = ["chroot", root, "/bin/sh", "-c", script, "sh", folder, ...shell, rest]
    const options = { stdio: "pipe", env: { PATH: process.env["PATH"] } } as const
    execFileSync("unshare", [...APART, `--mount-proc=${join(root, "proc")}`, ...inside], options)
  }
}

function copy(words: string, root: string, context: string, stage: (name: string) => string): void {
  const [, name, from = "", to = ""] = /^(?:--from=(\S+) )?(\S+) (\S+)$/.exec(words) ?? []
  if (name !== undefined) {
    execFileSync("cp", ["-a", `${join(stage(name), from)}/.`, join(root, to)])
    return rmSync(join(stage(name), from), { recursive: true })
  }
  mkdirSync(join(root, to), { recursive: true })
  for (const file of globSync(from, { cwd: context })) cpSync(join(context, file), join(root, to, basename(file)))
}
