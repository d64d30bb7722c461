import assert from "node:assert/strict"
import { LineQuota } from "../../../agent/base/line-quota.ts"

describe("a quota of log lines", () => {
  it("lets so many through in a second, and tells once how many more there were", () => {
    let elapsedMs = 999
    const told: number[] = []
    const quota = new LineQuota(
      2,
      () => elapsedMs,
      (leftOut) => told.push(leftOut),
    )
    const allowed = (lines: number) => Array.from({ length: lines }, () => quota.allows()).filter(Boolean).length
    assert.deepEqual([allowed(5), told], [2, []])
    elapsedMs = 1000
    assert.deepEqual([allowed(1), told], [1, [3]])
    elapsedMs = 5000
    assert.deepEqual([allowed(2), told], [2, [3]])
    assert.deepEqual([allowed(2), told], [0, [3]])
    quota.tellLeftOut()
    quota.tellLeftOut()
    assert.deepEqual(told, [3, 2])
  })
})
