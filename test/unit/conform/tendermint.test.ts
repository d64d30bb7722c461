import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { answer as driver } from "../../conform/driver.ts"
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
  { name: "driver", answer: driver, least: 5 },
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

describe("a trace that does not write down what came before a process began", () => {
  const nil = { tag: "Nil", value: { "#tup": [] } }
  const zero = { "#bigint": "0" }
  const vote = (voter: string, type: string) => ({
    height: zero,
    round: zero,
    srcAddress: voter,
    valueId: nil,
    voteType: { tag: type, value: { "#tup": [] } },
  })
  const timer = { "#tup": [zero, { tag: "ProposeTimeout", value: { "#tup": [] } }] }
  const does = (input: object, output: object) => ({ validator: "v4", input, output })
  const none = { tag: "NoConsensusOutput", value: { "#tup": [] } }
  const line = (last: object) => ({
    validators: { v1: 1, v2: 1, v3: 1, v4: 1 },
    faulty: ["v1"],
    steps: [
      does({ tag: "StartDInput", value: { "#tup": [] } }, { tag: "TimeoutOutput", value: timer }),
      does(
        { tag: "TimeoutDInput", value: { tag: "ProposeTimeout", value: { "#tup": [] } } },
        { tag: "VoteOutput", value: vote("v4", "Prevote") },
      ),
      does({ tag: "VoteDInput", value: vote("v4", "Prevote") }, none),
      does({ tag: "VoteDInput", value: vote("v2", "Prevote") }, last),
    ],
  })
  const lastAnswer = (last: object) => (JSON.parse(driver(JSON.stringify(line(last)))) as object[]).at(-1)

  it("is explained by a vote of the faulty", () => {
    const precommit = { tag: "VoteOutput", value: vote("v4", "Precommit") }
    assert.deepEqual(lastAnswer(precommit), precommit)
  })

  it("is not explained where no vote would do it", () => {
    const decided = { tag: "DecidedOutput", value: { "#tup": [zero, "a"] } }
    assert.deepEqual(lastAnswer(decided), none)
  })

  it("is taken as it stands where the model's outputs are not told", () => {
    const { steps, ...rest } = line(none)
    const untold = { ...rest, steps: steps.map(({ validator, input }) => ({ validator, input })) }
    assert.deepEqual((JSON.parse(driver(JSON.stringify(untold))) as object[]).at(-1), none)
  })
})
