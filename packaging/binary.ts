// `npm run build:binary [-- x64 arm64]`: one file per architecture and its bill of materials, in dist/.
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { buildBinary } from "./binary/build.ts"
import { ARCHS, type Arch } from "./binary/materials.ts"
import { billOfMaterials, partList } from "./binary/parts.ts"

const ROOT = dirname(import.meta.dirname)
const DEPS = join(ROOT, "packaging/deps.txt")

interface Budget {
  readonly binaryBytes: number
}

/** @param folder where the binaries are */
export function binaryOf(arch: Arch, folder: string): string {
  return join(folder, `mesg-linux-${arch}`)
}

/** What is in a binary, for who has to know. */
export const BILL = "mesg.cdx.json"

/**
 * Writes a binary per architecture and its bill of materials.
 * @throws Error where what is in them is not what packaging/deps.txt says, or one is over its budget
 */
export async function buildBinaries(archs: readonly Arch[], folder: string, version = productVersion()): Promise<void> {
  const budget = JSON.parse(readFileSync(join(ROOT, "packaging/size-budget.json"), "utf8")) as Budget
  mkdirSync(folder, { recursive: true })
  for (const arch of archs) {
    const file = binaryOf(arch, folder)
    const parts = await buildBinary(ROOT, arch, version, file)
    checkParts(partList(parts))
    const { size } = statSync(file)
    if (size > budget.binaryBytes) throw new Error(`${file} takes ${size} bytes, at most ${budget.binaryBytes}`)
    writeFileSync(join(folder, BILL), billOfMaterials({ name: "mesg", version }, parts, process.versions))
  }
}

/** That of package.json. */
export function productVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version
}

function checkParts(list: string): void {
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(DEPS, list)
  const golden = readFileSync(DEPS, "utf8")
  if (list === golden) return
  const before = new Set(golden.split("\n"))
  const now = new Set(list.split("\n"))
  const changes = [
    ...[...now].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
    ...[...before].filter((line) => !now.has(line)).map((line) => `- ${line}`),
  ]
  throw new Error(`packages differ from packaging/deps.txt (UPDATE_GOLDEN=1 takes them over):\n${changes.join("\n")}`)
}

if (import.meta.main) {
  const words = process.argv.slice(2)
  const wrong = words.find((word) => !(ARCHS as readonly string[]).includes(word))
  if (wrong !== undefined) {
    process.stderr.write(`mesg: there is no architecture ${wrong}; there are: ${ARCHS.join(", ")}\n`)
    process.exit(2)
  }
  try {
    const folder = join(ROOT, "dist")
    const archs = words.length > 0 ? (words as Arch[]) : ARCHS
    await buildBinaries(archs, folder)
    for (const arch of archs) {
      const file = binaryOf(arch, folder)
      process.stdout.write(`${file} ${statSync(file).size}\n`)
    }
  } catch (error) {
    process.stderr.write(`mesg: ${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
