import { execFileSync, spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { bareDebian, NotHere } from "../../support/debian.ts"
import type { Engine } from "./engine.ts"

const TIMEOUT_MS = 300_000
/** As the guide has it, but without a network, a timer of systemd and limits that this machine may not give. */
const BOUNDS = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host"]
BOUNDS.push("--no-healthcheck", "--ulimit=nofile=4096:4096", "--ulimit=nproc=1024:1024")

/**
 * podman with runc, by root's rights (the build needs none) and with a store of its own: nothing of the machine's images
 * and containers is touched.
 * @param base the name that the Debian of the tests has in the recipe
 */
export function podmanEngine(recipe: string, base: string, work: string): Engine {
  const own = ["--root", join(work, "images"), "--runroot", join(work, "run"), "--storage-driver", "vfs"]
  const options = [...own, "--runtime", "runc", "--cgroup-manager", "cgroupfs"]
  const podman = (...words: readonly string[]) =>
    execFileSync("podman", [...options, ...words], { encoding: "utf8", stdio: "pipe", timeout: TIMEOUT_MS }).trim()
  return {
    async prepare() {
      if (spawnSync("podman", ["--version"]).error) throw new NotHere("there is no podman")
      const debian = join(work, "debian.tar")
      execFileSync("tar", ["-C", await bareDebian(), "-cf", debian, "."])
      podman("import", "--quiet", debian, base)
      rmSync(debian)
      const tried = spawnSync("podman", [...options, "run", "--rm", ...BOUNDS, base, "true"], { encoding: "utf8" })
      if (tried.status !== 0) throw new NotHere(`podman runs no container: ${tried.stderr.trim().split("\n").at(-1)}`)
    },
    build(context) {
      const words = ["--pull=never", "--network=host", "--isolation=chroot", "--layers=false", "--format=docker"]
      podman("build", ...words, "-f", recipe, "-t", "mesg", context)
    },
    files() {
      podman("create", "--name", "contents", "mesg")
      const tar = join(work, "contents.tar")
      podman("export", "--output", tar, "contents")
      const listed = execFileSync("tar", ["-tf", tar], { encoding: "utf8" }).split("\n")
      // What podman itself puts there.
      return listed.filter(
        (path) => !/^(?:dev|proc|run|sys|etc\/(?:hosts|hostname|mtab|resolv\.conf))|\/$|^$/.test(path),
      )
    },
    check: () => (JSON.parse(podman("inspect", "mesg", "--format", "{{json .HealthCheck.Test}}")) as string[]).slice(1),
    start(data, env) {
      const settings = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`])
      podman("run", "--detach", "--name", "gateway", ...BOUNDS, "--volume", `${data}:/data`, ...settings, "mesg")
    },
    log: () => podman("logs", "gateway"),
    pid: () => Number(podman("inspect", "gateway", "--format", "{{.State.Pid}}")),
    exec: (words) => podman("exec", "gateway", ...words),
    async stop() {
      podman("stop", "--time=20", "gateway")
      const status = Number(podman("inspect", "gateway", "--format", "{{.State.ExitCode}}"))
      podman("rm", "gateway")
      return status
    },
    end: () => void spawnSync("podman", [...own, "rm", "--force", "--all"], { stdio: "ignore" }),
  }
}
