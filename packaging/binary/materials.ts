import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"

export type Arch = "x64" | "arm64"
export const ARCHS: readonly Arch[] = ["x64", "arm64"]

const GNU = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" } as const

/** What a binary of an architecture is made of beside the bundle. */
export interface Materials {
  /** Node without its symbols: they are a quarter of it. */
  readonly node: string
  /** lmdb's addon, without its symbols too. */
  readonly addon: string
}

interface Locked {
  readonly version: string
  readonly integrity: string
}

/** @returns the files of the versions that package-lock.json pins, for this machine's architecture or another */
export function materialsFor(root: string, arch: Arch): Materials {
  const node = `node-linux-${arch}`
  const addon = `@lmdb/lmdb-linux-${arch}`
  return { node: stripped(root, arch, node, "bin/node"), addon: stripped(root, arch, addon, "node.napi.glibc.node") }
}

/** Symbols go before the binary is made: Node does not start when they are taken out of a finished one. */
function stripped(root: string, arch: Arch, name: string, path: string): string {
  const locked = readLock(root)[`node_modules/${name}`]
  if (locked === undefined) throw new Error(`package-lock.json has no ${name}`)
  const cache = join(root, "node_modules/.cache/mesg-binary", `${name.replace("/", "-")}-${locked.version}`)
  const result = join(cache, "stripped")
  if (existsSync(result)) return result
  const installed = join(root, "node_modules", name, path)
  const source = existsSync(installed) ? installed : join(packed(root, name, locked, cache), path)
  mkdirSync(cache, { recursive: true })
  const unfinished = `${result}.${process.pid}`
  run(`${GNU[arch]}-strip`, ["-o", unfinished, source], `apt-get install binutils-${GNU[arch].replace("_", "-")}`)
  renameSync(unfinished, result)
  rmSync(join(cache, "package"), { recursive: true, force: true })
  return result
}

/** npm leaves out what is for another machine: it is fetched, and compared with the lock as npm would. */
function packed(root: string, name: string, { version, integrity }: Locked, cache: string): string {
  mkdirSync(cache, { recursive: true })
  const npm = process.env["npm_execpath"] ?? "npm"
  const words = ["pack", `${name}@${version}`, "--json", "--loglevel=error", "--pack-destination", cache]
  const answer = npm.endsWith(".js")
    ? run(process.execPath, [npm, ...words], "is the network there?", root)
    : run(npm, words, "is the network there?", root)
  const [{ filename }] = JSON.parse(answer) as [{ filename: string }]
  const archive = join(cache, filename)
  const [algorithm, expected] = integrity.split(/-(.*)/s) as [string, string]
  const actual = createHash(algorithm).update(readFileSync(archive)).digest("base64")
  if (actual !== expected) throw new Error(`${name}@${version} is not the one of package-lock.json`)
  run("tar", ["-xzf", archive, "-C", cache], "is the disk full?")
  rmSync(archive)
  return join(cache, "package")
}

function readLock(root: string): Record<string, Locked> {
  return (JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> })
    .packages
}

function run(program: string, args: readonly string[], remedy: string, cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", cwd, maxBuffer: 1e8 })
  if (status === 0) return stdout
  throw new Error(`${program} ${args[0]}: ${stderr?.trim() || error?.message || `ended with ${status}`} (${remedy})`)
}
