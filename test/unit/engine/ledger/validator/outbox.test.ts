import assert from "node:assert/strict"
import {
  TRANSACTIONS_GATHER_MS,
  TRANSACTIONS_MESSAGE_BYTES,
  TRANSACTIONS_PER_MESSAGE_MAX,
} from "../../../../../agent/base/network-limits.ts"
import { Outbox } from "../../../../../agent/engine/ledger/validator/outbox.ts"
import { FakeClock } from "../../../../support/fake-clock.ts"

describe("transactions on their way to everybody", () => {
  let clock: FakeClock
  let sent: (readonly Uint8Array[])[]
  let outbox: Outbox
  beforeEach(() => {
    clock = new FakeClock()
    sent = []
    outbox = new Outbox(clock, (transactions) => sent.push(transactions))
  })
  const add = (count: number, bytes = 1) => {
    for (let i = 0; i < count; i++) outbox.add(new Uint8Array(bytes))
  }
  const counts = () => sent.map(({ length }) => length)

  it("go at once where nothing went lately, and those right behind together", () => {
    add(1)
    assert.deepEqual(counts(), [1])
    add(5)
    assert.deepEqual(counts(), [1])
    clock.advance(TRANSACTIONS_GATHER_MS)
    assert.deepEqual(counts(), [1, 5])
    add(2)
    clock.advance(TRANSACTIONS_GATHER_MS)
    assert.deepEqual(counts(), [1, 5, 2])
    clock.advance(TRANSACTIONS_GATHER_MS)
    add(1)
    assert.deepEqual(counts(), [1, 5, 2, 1], "after a while in which nothing went, at once again")
  })

  it("are as many as a message may have, each once", () => {
    add(1 + 2 * TRANSACTIONS_PER_MESSAGE_MAX + 3)
    assert.deepEqual(counts(), [1, TRANSACTIONS_PER_MESSAGE_MAX, TRANSACTIONS_PER_MESSAGE_MAX])
    clock.advance(TRANSACTIONS_GATHER_MS)
    assert.deepEqual(counts().at(-1), 3)
  })

  it("are no more bytes than a message may have", () => {
    const half = TRANSACTIONS_MESSAGE_BYTES / 2
    add(1)
    add(3, half)
    assert.deepEqual(counts(), [1, 2])
    clock.advance(TRANSACTIONS_GATHER_MS)
    assert.deepEqual(counts(), [1, 2, 1])
  })

  it("go no more once it is stopped", () => {
    add(2)
    outbox.stop()
    clock.advance(TRANSACTIONS_GATHER_MS)
    assert.deepEqual(counts(), [1])
  })
})
