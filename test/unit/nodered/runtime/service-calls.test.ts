import assert from "node:assert/strict"
import { SERVICE_CALLS_ENDED_MAX } from "../../../../nodered-nodes/src/runtime/limits.ts"
import { ServiceCalls } from "../../../../nodered-nodes/src/runtime/services/service-calls.ts"

const PAID = { status: "paid", data: { euros: 3 } }
const OTHER = { status: "refused", data: {} }

describe("the calls of a service in a flow", () => {
  const never = new AbortController().signal

  it("end once, with the first result", async () => {
    const calls = new ServiceCalls()
    const ended = calls.open("ex_1.pay", never)
    assert.equal(calls.answer("ex_1.pay", PAID), "taken")
    assert.equal(calls.answer("ex_1.pay", OTHER), "ended")
    assert.deepEqual(await ended, PAID)
  })

  it("are known by their execution", () => {
    assert.equal(new ServiceCalls().answer("ex_1.pay", PAID), "unknown")
  })

  it("end without a result when their time is over, and one that comes then is late", async () => {
    const calls = new ServiceCalls()
    const time = new AbortController()
    const ended = calls.open("ex_1.pay", time.signal)
    time.abort(new Error("the time is over"))
    await assert.rejects(ended, /the time is over/)
    assert.equal(calls.answer("ex_1.pay", PAID), "late")
    assert.equal(await calls.recover("ex_1.pay"), "unknown")
  })

  it("are told to a Core that was away: the result there was, the one there will be, or that nobody knows", async () => {
    const calls = new ServiceCalls()
    void calls.open("ex_done.pay", never)
    calls.answer("ex_done.pay", PAID)
    void calls.open("ex_open.pay", never)
    const later = calls.recover("ex_open.pay")
    calls.answer("ex_open.pay", OTHER)
    assert.deepEqual(await calls.recover("ex_done.pay"), PAID)
    assert.deepEqual(await later, OTHER)
    assert.equal(await calls.recover("ex_never.pay"), "unknown")
  })

  it("are forgotten, the oldest first, behind so many", () => {
    const calls = new ServiceCalls()
    for (let i = 0; i <= SERVICE_CALLS_ENDED_MAX; i++) {
      void calls.open(`ex_${i}.pay`, never)
      calls.answer(`ex_${i}.pay`, PAID)
    }
    assert.equal(calls.answer("ex_0.pay", PAID), "unknown")
    assert.equal(calls.answer("ex_1.pay", PAID), "ended")
  })
})
