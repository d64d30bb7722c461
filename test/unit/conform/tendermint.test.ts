import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { answer as round } from "../../conform/round.ts"
import { answer as votekeeper } from "../../conform/votekeeper.ts"
import { ROOT } from "../../support/sources.ts"

interface GoldenTrace {
  readonly name: string
  readonly line: object
  readonly expect: unknown
}

const ENTRIES = [
  { name: "round", answer: round, least: 8 },
  { name: "votekeeper", answer: votekeeper, least: 6 },
] as const

for (const { name, answer, least } of ENTRIES) {
  describe(`the conformance entry ${name}`, () => {
    const traces = readFileSync(join(ROOT, "test/golden/tendermint", `${name}.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as GoldenTrace)

    it(`has at least ${least} golden traces`, () => assert.ok(traces.length >= least))
    for (const { name, line, expect } of traces) {
      it(name, () => assert.deepEqual(JSON.parse(answer(JSON.stringify(line))), expect))
    }
  })
}
