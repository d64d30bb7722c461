import assert from "node:assert/strict"
import { HIDDEN } from "../../../agent/base/hidden.ts"
import { SECRETS_VEILED_PER_SERVICE_MAX } from "../../../agent/base/limits.ts"
import { Veils } from "../../../agent/engine/veils.ts"
import type { Json } from "../../../agent/schema/json.ts"

const LONG = "correct-horse-battery"
const SHORT = "0815"

describe("what a service was given, taken out of what comes back", () => {
  const cases: { name: string; data: Json; hidden: Json }[] = [
    { name: "a text that is the secret", data: LONG, hidden: HIDDEN },
    { name: "a text that holds it, however often", data: `${LONG}?${LONG}`, hidden: `${HIDDEN}?${HIDDEN}` },
    { name: "at any depth", data: { a: [{ b: [LONG, 1, null] }] }, hidden: { a: [{ b: [HIDDEN, 1, null] }] } },
    { name: "the name of a member", data: { [LONG]: true }, hidden: { [HIDDEN]: true } },
    { name: "a short secret only where it is the whole value", data: [SHORT, "20815.3"], hidden: [HIDDEN, "20815.3"] },
    { name: "a number whose digits are the secret", data: [77_007_700, 77_007_701], hidden: [HIDDEN, 77_007_701] },
    { name: "what is no secret stays as it is", data: { a: "b", c: [true] }, hidden: { a: "b", c: [true] } },
    { name: "the longer of two secrets of which one holds the other", data: `${LONG}-staple`, hidden: HIDDEN },
  ]
  for (const { name, data, hidden } of cases) {
    it(name, () => {
      const veils = new Veils()
      for (const secret of [LONG, SHORT, 77_007_700, { inner: [`${LONG}-staple`] }]) veils.cover("s", secret)
      assert.deepEqual(veils.hideInData("s", data), hidden)
      assert.deepEqual(veils.hideInData("other", data), data)
    })
  }

  it("a sentence for people loses short ones too, but for those that are in every second word", () => {
    const veils = new Veils()
    for (const secret of [SHORT, "abc"]) veils.cover("s", secret)
    assert.equal(veils.hideInText("s", "PIN 0815 of abc"), `PIN ${HIDDEN} of abc`)
  })

  it("the secret that was given last is forgotten last", () => {
    const veils = new Veils()
    const secretOf = (i: number) => `secret-number-${i}.`
    for (let i = 0; i < SECRETS_VEILED_PER_SERVICE_MAX; i++) veils.cover("s", secretOf(i))
    veils.cover("s", secretOf(0))
    veils.cover("s", "one-more-secret")
    assert.equal(veils.hideInData("s", secretOf(0)), HIDDEN)
    assert.equal(veils.hideInData("s", secretOf(1)), secretOf(1))
  })
})
