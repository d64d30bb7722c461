import assert from "node:assert/strict"
import { InOrder } from "../../../../agent/io/broker/in-order.ts"

describe("things that wait and are done in the order they were asked for", () => {
  it("report a failure in its turn, not before what was asked for earlier is done", async () => {
    const turns = new InOrder()
    const done: string[] = []
    const slow = Promise.withResolvers<string>()
    const ask = (awaited: string | Promise<string>) =>
      turns.after(
        awaited,
        (value) => done.push(value),
        (error) => done.push(String(error)),
      )
    ask(slow.promise)
    ask(Promise.reject(new Error("no room")))
    ask("at once")
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(done, [])
    slow.resolve("slow")
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(done, ["slow", "Error: no room", "at once"])
    assert.equal(turns.length, 0)
  })
})
