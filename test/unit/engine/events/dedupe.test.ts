import assert from "node:assert/strict"
import {
  DEDUPE_GENERATIONS,
  DEDUPE_ID_BYTES,
  DEDUPE_KEPT_MS_MIN,
  DEDUPE_WINDOW_MS,
} from "../../../../agent/base/limits.ts"
import { Dedupe } from "../../../../agent/engine/events/dedupe.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const GENERATION_MS = DEDUPE_WINDOW_MS / DEDUPE_GENERATIONS

/** Remembers one id in each of so many generations. */
async function generations(store: MemoryStore, count: number): Promise<Dedupe> {
  const dedupe = new Dedupe(store)
  dedupe.load(0)
  for (let i = 0; i < count; i++) await remember(dedupe, store, `id-${i}`, i * GENERATION_MS)
  return dedupe
}

async function remember(dedupe: Dedupe, store: MemoryStore, id: string, nowMs: number): Promise<number> {
  const changes = dedupe.remember("meter", "read", id, { executions: [], data: null }, nowMs)
  await store.write(changes)
  return changes.length
}

describe("ids of events", () => {
  it("are known for the whole window, and forgotten with their generation", async () => {
    const dedupe = await generations(new MemoryStore(), DEDUPE_GENERATIONS + 2)
    assert.equal(dedupe.find("meter", "read", "id-0"), null)
    assert.deepEqual(dedupe.find("meter", "read", "id-1"), { executions: [], data: null })
  })

  it("cost the event that ends a generation no more than any other", async () => {
    const store = new MemoryStore()
    const dedupe = await generations(store, 1)
    for (let i = 0; i < 500; i++) await remember(dedupe, store, `more-${i}`, 0)
    for (let i = 1; i < DEDUPE_GENERATIONS + 3; i++) {
      const changes = await remember(dedupe, store, `id-${i}`, i * GENERATION_MS)
      assert.equal(changes <= 2, true, `${changes} changes`)
    }
  })

  it("are no more than take a quarter of the quota", async () => {
    const quotaBytes = 4 * 1000 * DEDUPE_ID_BYTES
    const store = new MemoryStore({ quotaBytes })
    const dedupe = new Dedupe(store)
    dedupe.load(0)
    for (let i = 0; i < 3000; i++) await remember(dedupe, store, `id-${i}`, i)
    for (let swept = dedupe.sweep(100); swept.length > 0; swept = dedupe.sweep(100)) await store.write(swept)
    const kept = store.count(TABLE.eventId)
    assert.ok(kept >= 1000 && kept <= 1000 * (1 + 1 / DEDUPE_GENERATIONS), `${kept} ids`)
    assert.equal(dedupe.find("meter", "read", `id-${2999 - 1000}`)?.data, null)
  })

  it("give way when they must, the oldest first, and never those of the last minutes", async () => {
    const store = new MemoryStore()
    const dedupe = await generations(store, 1)
    const known = () => dedupe.find("meter", "read", "id-0") !== null
    await store.write(dedupe.giveWay(1))
    assert.deepEqual(dedupe.giveWay(DEDUPE_KEPT_MS_MIN), [])
    assert.ok(known())
    await store.write(dedupe.giveWay(DEDUPE_KEPT_MS_MIN + 1))
    assert.ok(!known())
    assert.equal(dedupe.sweep(10).length, 1)
    assert.deepEqual(dedupe.giveWay(DEDUPE_WINDOW_MS), [], "nothing is left")
    const again = new Dedupe(store)
    again.load(0)
    assert.equal(again.find("meter", "read", "id-0"), null)
  })

  it("that are forgotten are swept out of the store, some at a time, also after a restart", async () => {
    const store = new MemoryStore()
    await generations(store, DEDUPE_GENERATIONS + 4)
    const again = new Dedupe(store)
    again.load(0)
    const swept = again.sweep(2)
    assert.equal(swept.length, 2)
    await store.write(swept)
    await store.write(again.sweep(2))
    assert.deepEqual(again.sweep(2), [])
    assert.deepEqual(again.find("meter", "read", "id-3")?.executions, [])
  })
})
