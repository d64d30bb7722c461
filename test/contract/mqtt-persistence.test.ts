// Not strict: the contract was written for the assertions of node:test, which compare a Buffer with its bytes.
import assert from "node:assert"
import abstract, { type ContractContext } from "aedes-persistence/abstract.js"
import { StorePersistence } from "../../agent/io/broker/persistence.ts"
import { MemoryStore } from "../support/memory-store.ts"

describe("the contract of aedes-persistence, on the store", () => {
  let tests = 0

  abstract({
    testAsync: true,
    persistence: () => {
      let seq = 0
      return new StorePersistence(new MemoryStore(), () => ++seq)
    },
    test: (name: string, body: (t: ContractContext) => Promise<void>) => {
      tests++
      it(name, async () => {
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
      })
    },
  })

  it("has all 50 tests of the package", () => assert.equal(tests, 50))
})
