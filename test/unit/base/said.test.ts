import assert from "node:assert/strict"
import { Said } from "../../../agent/base/said.ts"

describe("what was said", () => {
  it("is news once, and again after something else was said", () => {
    const said = new Said(2)
    const news = (["one", "one", "other", "one"] as const).map((what) => said.isNews("a", what))
    assert.deepEqual(news, [true, false, true, true])
  })

  it("is remembered of a bounded number, the oldest is forgotten", () => {
    const said = new Said(2)
    for (const who of ["a", "b", "b", "c"]) said.isNews(who)
    assert.deepEqual(
      ["b", "c", "a"].map((who) => said.isNews(who)),
      [false, false, true],
    )
  })
})
