import assert from "node:assert/strict"
import { render } from "../../../../agent/engine/executions/evaluate.ts"
import type { Evaluated } from "../../../../agent/ports/expressions.ts"
import type { Json } from "../../../../agent/schema/json.ts"

/** `now …` answers at once, `later …` when asked again, `fails` never well. */
const expressions = {
  evaluate(source: string): Evaluated | Promise<Evaluated> {
    const [how, word = ""] = source.trim().split(" ")
    if (how === "fails") return { ok: false, message: "no" }
    const answer: Evaluated = { ok: true, value: word === "nothing" ? undefined : word }
    return how === "now" ? answer : Promise.resolve(answer)
  },
}
const rendered = (template: Json) => render(expressions, template, {} as never, 0)

describe("inputs that are put together", () => {
  const members = { a: "{{ now a }}", b: "{{ later b }}", c: "{{ now c }}", d: "{{ later nothing }}", e: 5 }

  it("are the same whichever of their parts have to be waited for", async () => {
    const expected = { ok: true, value: { a: "a", b: "b", c: "c", e: 5 } }
    assert.deepEqual(await rendered(members), expected)
    assert.deepEqual(rendered({ ...members, b: "b", d: "{{ now nothing }}" }), expected)
    assert.deepEqual(await rendered(["{{ now a }}", "{{ later b }}", "{{ now nothing }}"]), {
      ok: true,
      value: ["a", "b", null],
    })
    assert.deepEqual(await rendered("{{ now a }}-{{ later b }}-{{ now c }}"), { ok: true, value: "a-b-c" })
  })

  it("are the first failure, before and behind what has to be waited for", async () => {
    for (const template of [
      { a: "{{ fails }}", b: "{{ later b }}" },
      { a: "{{ later a }}", b: "{{ fails }}" },
    ]) {
      assert.deepEqual(await rendered(template), { ok: false, message: "no" })
    }
  })
})
