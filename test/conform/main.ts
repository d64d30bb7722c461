import { createInterface } from "node:readline"

/**
 * Conformance entry points: `npm run --silent conform -- NAME < input`, one answer a line. NAME is a file of this
 * folder that exports `answer(line)`.
 */
const name = process.argv[2] ?? ""
if (!/^[a-z0-9-]+$/.test(name) || name === "main") {
  process.stderr.write("usage: conform NAME < input\n")
  process.exit(2)
}
const { answer } = (await import(`./${name}.ts`)) as { answer(line: string): string | Promise<string> }
for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }))
  if (line !== "") process.stdout.write(`${await answer(line)}\n`)
