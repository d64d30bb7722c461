// `npm run release [-- x64 arm64]`: everything that is served, in dist/release/, for any server of static files.
// MESG_RELEASE_KEY names the key that signs it; without it one of this clone's own is made and used.
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { BILL, binaryOf, buildBinaries, productVersion } from "./binary.ts"
import { ARCHS, type Arch } from "./binary/materials.ts"
import { writeAptRepository } from "./release/apt.ts"
import { changesOf } from "./release/changes.ts"
import { writeDeb, DEB_ARCH } from "./release/deb.ts"
import { publicLine, releaseKey, seal } from "./release/signature.ts"
import { packTree, writeTree } from "./release/tree.ts"

const ROOT = dirname(import.meta.dirname)

export interface ReleaseOptions {
  readonly archs: readonly Arch[]
  /** That of package.json if left out. */
  readonly version?: string
  /** Where it will be served; install.sh asks for MESG_MIRROR where it is left out. */
  readonly mirror?: string
  readonly folder: string
}

/** @throws Error where something is over its budget, or the machine lacks a program */
export async function makeRelease({ archs, mirror = "", folder, ...options }: ReleaseOptions): Promise<void> {
  const { version = productVersion() } = options
  const ownKey = join(ROOT, "dist/release-key.pem")
  const keyFile = process.env["MESG_RELEASE_KEY"]
  const key = releaseKey(keyFile ?? ownKey, keyFile === undefined)
  const speaker = process.arch as Arch
  const work = `${folder}.${process.pid}`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const installer = readFileSync(join(ROOT, "install.sh"), "utf8")
    .replace("@PUBLIC_KEY@", publicLine(key))
    .replace("@MIRROR@", mirror)
  try {
    await buildBinaries([...new Set([...archs, speaker])], work, version)
    const bill = join(work, BILL)
    for (const arch of archs) {
      const tree = join(work, arch)
      writeTree(tree, ROOT, { binary: binaryOf(arch, work), speaker: binaryOf(speaker, work), bill, installer })
      const tar = join(work, `mesg-${version}-linux-${arch}.tar`)
      packTree(tree, tar)
      compress(tar, folder)
      writeDeb(join(folder, `mesg-edge_${version}_${DEB_ARCH[arch]}.deb`), arch, version, tree, join(work, "deb"))
    }
    copyFileSync(bill, join(folder, `mesg-${version}.cdx.json`))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  writeFileSync(join(folder, "install.sh"), installer, { mode: 0o755 })
  writeFileSync(
    join(folder, `CHANGES-${version}.md`),
    changesOf(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), version),
  )
  writeAptRepository(folder, key, Math.floor(Date.now() / 1000))
  seal(folder, key)
}

/** xz is small, gzip is everywhere. MESG_RELEASE_LEVEL=0 is for tests: the budget holds for what is served. */
function compress(tar: string, folder: string): void {
  const level = process.env["MESG_RELEASE_LEVEL"] ?? "9"
  const name = tar.slice(tar.lastIndexOf("/") + 1)
  for (const [program, ending, least] of [
    ["xz", "xz", "0"],
    ["gzip", "gz", "1"],
  ] as const) {
    const words = [`-${level === "0" ? least : level}`, "-c", ...(program === "gzip" ? ["-n"] : ["-T2"]), tar]
    writeFileSync(join(folder, `${name}.${ending}`), execFileSync(program, words, { maxBuffer: 2 ** 30 }))
  }
  if (level === "0") return
  const { downloadBytes } = JSON.parse(readFileSync(join(ROOT, "packaging/size-budget.json"), "utf8")) as {
    downloadBytes: number
  }
  const { size } = statSync(join(folder, `${name}.xz`))
  if (size > downloadBytes) throw new Error(`${name}.xz takes ${size} bytes, at most ${downloadBytes}`)
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { version: { type: "string" }, mirror: { type: "string" }, folder: { type: "string" } },
  })
  const folder = values.folder ?? join(ROOT, "dist/release")
  const archs = positionals.length > 0 ? (positionals as Arch[]) : ARCHS
  const { version, mirror } = values
  try {
    await makeRelease({ archs, folder, ...(version && { version }), ...(mirror && { mirror }) })
    for (const name of readdirSync(folder).sort()) {
      process.stdout.write(`${join(folder, name)} ${statSync(join(folder, name)).size}\n`)
    }
  } catch (error) {
    process.stderr.write(`mesg: ${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
