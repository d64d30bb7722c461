import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { Evaluator } from "../../../../agent/io/expressions/evaluator.ts"

describe("the thread of expressions", () => {
  it("starts with the first question, ends when nobody asks, and starts again", async () => {
    const evaluator = new Evaluator(1)
    assert.equal(evaluator.isRunning, false)
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await evaluator.ask("$sum([1, 2])", {}, 0), { ok: true, value: 3 })
      assert.equal(evaluator.isRunning, true)
      const { promise, resolve } = Promise.withResolvers<void>()
      const looking = setInterval(() => {
        if (!evaluator.isRunning) resolve()
      }, 1)
      await promise
      clearInterval(looking)
    }
    await evaluator.stop()
  })

  it("does not end while questions wait", async () => {
    const evaluator = new Evaluator(0)
    const said = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => evaluator.ask("$sum([$$.data, 1])", { data: i }, 0)),
    )
    assert.deepEqual(
      said,
      said.map((_, i) => ({ ok: true, value: i + 1 })),
    )
    await evaluator.stop()
  })

  it("keeps no process alive", async () => {
    const url = new URL("../../../../agent/io/expressions/evaluator.ts", import.meta.url).href
    const text = `const { Evaluator } = await import("${url}"); console.log(await new Evaluator().ask("$sum([1])", {}, 0))`
    const child = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: "ignore" })
    assert.deepEqual(await once(child, "close"), [0, null])
  })
})
