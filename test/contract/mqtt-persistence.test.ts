// Not strict: the contract was written for the assertions of node:test, which compare a Buffer with its bytes.
import assert from "node:assert"
import abstract, { type ContractContext } from "aedes-persistence/abstract.js"
import { StorePersistence } from "../../agent/io/broker/persistence.ts"
import { join } from "node:path"
import { LmdbStore } from "../../agent/io/store/store.ts"
import type { Store } from "../../agent/ports/store.ts"
import { KeptLog } from "../support/kept-log.ts"
import { MemoryStore } from "../support/memory-store.ts"
import { tempDir } from "../support/temp-dir.ts"

const stores: LmdbStore[] = []

async function real(): Promise<Store> {
  const dir = join(tempDir("mqtt"), "data")
  const store = new LmdbStore({ dir, quotaBytes: 64 * 2 ** 20, copies: 0, log: new KeptLog() })
  await store.start()
  stores.push(store)
  return store
}

for (const [name, make] of [
  ["LmdbStore", real],
  ["MemoryStore", () => Promise.resolve(new MemoryStore())],
] as const)
  describe(`the contract of aedes-persistence, on ${name}`, () => {
    let tests = 0

    afterEach(async () => {
      for (const store of stores.splice(0)) await store.stop()
    })

    abstract({
      testAsync: true,
      persistence: async () => {
        let seq = 0
        return new StorePersistence(await make(), () => ++seq)
      },
      test: (claim, body) => {
        tests++
        it(claim, () => counted(body))
      },
    })

    it("has all 50 tests of the package", () => assert.equal(tests, 50))
  })

/** Runs one contract test, and holds it to the number of assertions it plans. */
async function counted(body: (context: ContractContext) => Promise<void>): Promise<void> {
  let planned: number | null = null
  let asserted = 0
  const counting = new Proxy(assert, {
    get: (target, method: keyof typeof assert) => {
      const check = target[method] as (...args: unknown[]) => unknown
      return (...args: unknown[]) => {
        asserted++
        return check.apply(target, args)
      }
    },
  })
  await body({
    plan: (count) => {
      planned = count
    },
    diagnostic: () => {},
    assert: counting,
  })
  if (planned !== null) assert.equal(asserted, planned, "as many assertions as the contract plans")
}
