import assert from "node:assert/strict"
import { CallKeys } from "../../../../nodered-nodes/src/runtime/inline/call-keys.ts"
import { MESSAGES_REMEMBERED_MAX } from "../../../../nodered-nodes/src/runtime/limits.ts"

describe("the keys of a node's calls", () => {
  it("differ where a message passes twice", () => {
    const keys = new CallKeys("node")
    assert.notEqual(keys.next("m"), keys.next("m"))
  })

  it("are the same where nobody knows what became of the first call", () => {
    const keys = new CallKeys("node")
    const first = keys.next("m")
    keys.unanswered("m")
    assert.equal(keys.next("m"), first)
    assert.notEqual(keys.next("m"), first)
  })

  it("differ between nodes, and fit into the header", () => {
    assert.notEqual(new CallKeys("a").next("m"), new CallKeys("b").next("m"))
    assert.equal(new CallKeys("node").next("m".repeat(500)).length, 100)
  })

  it("differ before and after a deploy, which begins to count anew", () => {
    assert.notEqual(new CallKeys("node").next("m"), new CallKeys("node").next("m"))
  })

  it("are remembered for a bounded number of messages", () => {
    const keys = new CallKeys("node")
    const first = keys.next("first")
    keys.unanswered("first")
    for (let i = 0; i < MESSAGES_REMEMBERED_MAX; i++) keys.next(`m${i}`)
    assert.equal(keys.next("first"), first, "forgotten, it is counted from one again")
    assert.notEqual(keys.next("first"), first)
  })
})
