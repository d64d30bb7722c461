import assert from "node:assert/strict"
import { CallSignal } from "../../../../agent/io/service-host/call-context.ts"

describe("the signal of a call", () => {
  it("aborts when its caller does, with the caller's reason, and tells once", () => {
    const caller = new AbortController()
    const own = new CallSignal(caller)
    const { signal } = own
    let told = 0
    own.follow(() => told++)
    caller.abort("late")
    assert.deepEqual([own.aborted, signal.aborted, signal.reason, told], [true, true, "late", 1])
  })

  it("tells at once where its caller has aborted before, or it has itself", () => {
    let told = 0
    new CallSignal({ signal: AbortSignal.abort("gone") }).follow(() => told++)
    const own = new CallSignal(new AbortController())
    own.abort("stopped")
    own.follow(() => told++)
    assert.deepEqual([told, own.signal.reason], [2, "stopped"])
  })

  it("is aborted for a handler that looks at it first, where its caller has aborted before", () => {
    const { signal } = new CallSignal({ signal: AbortSignal.abort("gone") })
    assert.deepEqual([signal.aborted, signal.reason], [true, "gone"])
  })

  it("lets go of its caller when the call is over", () => {
    const caller = new AbortController()
    const own = new CallSignal(caller)
    let told = 0
    own.follow(() => told++)()
    caller.abort()
    assert.equal(told, 0)
  })
})
