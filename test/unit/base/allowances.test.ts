import assert from "node:assert/strict"
import { Allowances } from "../../../agent/base/allowances.ts"

describe("allowances", () => {
  it("give so much at once, and more as time goes on", () => {
    const allowances = new Allowances(3, 2, 10)
    const takes = (nowMs: number, times: number) => Array.from({ length: times }, () => allowances.take("a", nowMs))
    assert.deepEqual(takes(0, 4), [true, true, true, false])
    assert.deepEqual(takes(499, 1), [false])
    assert.deepEqual(takes(500, 2), [true, false])
    assert.deepEqual(takes(60_000, 4), [true, true, true, false], "never more than the burst")
  })

  it("use nothing up where they refuse", () => {
    const allowances = new Allowances(10, 0, 10)
    assert.equal(allowances.take("a", 0, 11), false)
    assert.equal(allowances.take("a", 0, 10), true)
  })

  it("are one's own", () => {
    const allowances = new Allowances(1, 0, 10)
    assert.deepEqual([allowances.take("a", 0), allowances.take("b", 0), allowances.take("a", 0)], [true, true, false])
  })

  it("forget who was idle for longest, and nobody else", () => {
    const allowances = new Allowances(1, 0, 2)
    for (const key of ["a", "b", "a", "c"]) allowances.take(key, 0)
    assert.equal(allowances.take("a", 0), false)
    assert.equal(allowances.take("b", 0), true)
  })
})
