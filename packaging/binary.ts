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

export function binaryOf(arch: Arch, root = ROOT): string {
  return join(root, "dist", `mesg-linux-${arch}`)
}

/**
 * @returns the files that were made
 * @throws Error where what is in them is not what packaging/deps.txt says, or one is over its budget
 */
export async function buildBinaries(archs: readonly Arch[], root = ROOT, version?: string): Promise<string[]> {
  const product = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { name: string; version: string }
  const budget = JSON.parse(readFileSync(join(root, "packaging/size-budget.json"), "utf8")) as Budget
  mkdirSync(join(root, "dist"), { recursive: true })
  const files: string[] = []
  for (const arch of archs) {
    const file = binaryOf(arch, root)
    const parts = await buildBinary(root, arch, version ?? product.version, file)
    checkParts(partList(parts))
    const { size } = statSync(file)
    if (size > budget.binaryBytes) throw new Error(`${file} takes ${size} bytes, at most ${budget.binaryBytes}`)
    const bill = billOfMaterials({ name: "mesg", version: version ?? product.version }, parts, process.versions)
    writeFileSync(join(root, "dist/mesg.cdx.json"), bill)
    files.push(file)
  }
  return files
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
    const files = await buildBinaries(words.length > 0 ? (words as Arch[]) : ARCHS)
    for (const file of files) process.stdout.write(`${file} ${statSync(file).size}\n`)
  } catch (error) {
    process.stderr.write(`mesg: ${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
