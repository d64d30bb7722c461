import assert from "node:assert/strict"
import { Gate } from "../../../../nodered-nodes/src/runtime/api/gate.ts"

describe("the gate before an agent", () => {
  it("lets so many pass at a time, the others in the order they came", async () => {
    const gate = new Gate(2)
    const began: number[] = []
    const ends: (() => void)[] = []
    const passed = [0, 1, 2, 3].map((i) =>
      gate.pass(
        () =>
          new Promise<number>((resolve) => {
            began.push(i)
            ends[i] = () => resolve(i)
          }),
      ),
    )
    assert.deepEqual(began, [0, 1])
    ends[1]!()
    await passed[1]
    assert.deepEqual(began, [0, 1, 2])
    for (const i of [0, 2]) ends[i]!()
    await Promise.all([passed[0], passed[2]])
    ends[3]!()
    assert.deepEqual(await Promise.all(passed), [0, 1, 2, 3])
  })

  it("lets the next one pass where one has failed", async () => {
    const gate = new Gate(1)
    const failed = gate.pass(() => Promise.reject(new Error("no")))
    const next = gate.pass(() => Promise.resolve("yes"))
    await assert.rejects(failed, /no/)
    assert.equal(await next, "yes")
  })
})
