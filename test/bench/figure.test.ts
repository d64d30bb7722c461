import assert from "node:assert/strict"
import { type Bound, type Figure, holds, lineOf, tableOf } from "./figure.ts"
import { interleaved, median, medianRatio, quantile } from "./rounds.ts"

const figure: Figure = { name: "speed", value: 50, unit: "wf/CPU-s", ratio: 0.5 }

describe("a figure of a benchmark", () => {
  const cases: { name: string; bounds: readonly Bound[]; figure?: Figure; holds: boolean }[] = [
    { name: "without a gate passes", bounds: [], holds: true },
    { name: "at its bound passes", bounds: [{ of: "value", atLeast: 50 }], holds: true },
    { name: "below its bound fails", bounds: [{ of: "value", atLeast: 51 }], holds: false },
    { name: "above its bound fails", bounds: [{ of: "value", atMost: 49 }], holds: false },
    {
      name: "fails by one bound of two",
      bounds: [
        { of: "value", atLeast: 1 },
        { of: "ratio", atLeast: 0.6 },
      ],
      holds: false,
    },
    {
      name: "whose peer was not there fails a bound on the ratio",
      bounds: [{ of: "ratio", atLeast: 0 }],
      figure: { name: "speed", value: 50, unit: "wf/CPU-s" },
      holds: false,
    },
  ]
  for (const { name, bounds, figure: other = figure, holds: expected } of cases) {
    it(name, () => assert.equal(holds(other, bounds), expected))
  }

  it("says in its line what it was measured beside, and whether its gate holds", () => {
    const against = { kind: "limit", name: "LMDB", value: 100 } as const
    assert.deepEqual(JSON.parse(lineOf({ ...figure, against, gate: [{ of: "ratio", atLeast: 0.6 }] })), {
      name: "speed",
      value: 50,
      unit: "wf/CPU-s",
      ratio: 0.5,
      limit: { name: "LMDB", value: 100 },
      gate: ">= 0.6x",
      aim: "",
      ok: false,
    })
  })

  it("says in the table what it reached", () => {
    const reached = [0.6, 0.5, 0.1].map((gate) =>
      tableOf([{ ...figure, gate: [{ of: "ratio", atLeast: gate }], aim: [{ of: "ratio", atLeast: gate + 0.1 }] }])
        .split(" | ")
        .at(-1),
    )
    assert.deepEqual(reached, ["**missed** |", "gate |", "aim |"])
  })
})

describe("rounds", () => {
  it("take turns, each round beginning with another, so that a disturbance meets all", async () => {
    const order: string[] = []
    const samples = await interleaved({ a: async () => order.push("a"), b: async () => order.push("b") }, 2)
    assert.deepEqual(order, ["a", "b", "b", "a"])
    assert.deepEqual(samples, { a: [1, 4], b: [2, 3] })
  })

  it("are summed up by what one outlier cannot move", () => {
    assert.equal(median([1, 1000, 2]), 2)
    assert.equal(median([1, 2, 3, 1000]), 2.5)
    assert.equal(quantile([5, 1, 4, 2, 3], 0.99), 5)
    assert.equal(medianRatio([10, 20, 3000], [10, 10, 10], Number), 2)
  })

  it("that gave nothing are an error", () => assert.throws(() => median([]), /nothing/))
})
