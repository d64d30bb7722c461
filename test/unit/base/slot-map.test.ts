import assert from "node:assert/strict"
import fc from "fast-check"
import { SlotMap } from "../../../agent/base/slot-map.ts"

describe("a slot map", () => {
  it("does what a Map does, over any sets and deletes, in the same order", () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 20 }), value: fc.option(fc.integer(), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const slots = new SlotMap<number, number>()
        const map = new Map<number, number>()
        for (const { key, value } of steps) {
          if (value === undefined) assert.equal(slots.delete(key), map.delete(key))
          else {
            slots.set(key, value)
            map.set(key, value)
          }
          assert.equal(slots.get(key), map.get(key))
          assert.equal(slots.has(key), map.has(key))
        }
        assert.equal(slots.size, map.size)
        assert.deepEqual([...slots.values()], [...map.values()])
      }),
    )
  })

  it("uses the place of what was deleted for what comes next", () => {
    const slots = new SlotMap<string, string>()
    slots.set("a", "first")
    slots.delete("a")
    slots.set("b", "second")
    assert.equal(slots.get("a"), undefined)
    assert.equal(slots.get("b"), "second")
    assert.deepEqual([...slots.values()], ["second"])
  })
})
