import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { messageOf } from "../../agent/base/errors.ts"

/*
 * Conformance entry points: `npm run --silent conform -- NAME < input`, one answer a line. NAME is a file of this folder
 * that exports `answer(line)`, and `stop()` where it holds something open. See docs/spec/conformance.md.
 */
interface EntryPoint {
  answer(line: string): string | Promise<string>
  stop?(): Promise<void>
}

const name = process.argv[2] ?? ""
const file = join(import.meta.dirname, `${name}.ts`)
if (!/^[a-z0-9-]+$/.test(name) || name === "main" || !existsSync(file)) {
  const names = readdirSync(import.meta.dirname).map((entry) => entry.replace(/\.ts$/, ""))
  const known = names.filter((entry) => entry !== "main").join(", ")
  process.stderr.write(`usage: conform NAME < input; NAME is one of ${known}\n`)
  process.exit(2)
}
const entryPoint = (await import(file)) as EntryPoint
let number = 0
try {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() !== "") process.stdout.write(`${await entryPoint.answer(line)}\n`)
  }
} catch (error) {
  process.stderr.write(`conform ${name}: line ${number}: ${messageOf(error)}\n`)
  process.exitCode = 1
} finally {
  await entryPoint.stop?.()
}
