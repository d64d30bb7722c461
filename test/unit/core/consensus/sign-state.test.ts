import assert from "node:assert/strict"
import fc from "fast-check"
import { utf8 } from "../../../../agent/base/bytes.ts"
import type { Slot } from "../../../../agent/core/consensus/message.ts"
import {
  isBeyond,
  judge,
  type SignState,
  type SignVerdict,
  UNSIGNED,
  withSignature,
} from "../../../../agent/core/consensus/sign-state.ts"

const [A, B] = [utf8("said"), utf8("said otherwise")]
const signature = utf8("signature")
const at = (height: number, round: number, step: Slot["step"]): Slot => ({ height, round, step })
const having = (...slots: Slot[]): SignState =>
  slots.reduce((state, slot) => withSignature(state, slot, { bytes: A, signature }, 10), UNSIGNED)

const NEW: SignVerdict = { kind: "new" }
const AGAIN: SignVerdict = { kind: "again", signature }
const not = (code: "KEY_DEAD" | "SIGN_REGRESSION" | "SIGN_CONFLICT"): SignVerdict => ({ kind: "refused", code })

const cases: { name: string; state: SignState; slot: Slot; bytes?: Uint8Array; verdict: SignVerdict }[] = [
  { name: "G6: the first of all", state: UNSIGNED, slot: at(0, 0, "proposal"), verdict: NEW },
  { name: "G1: a dead key", state: { ...UNSIGNED, dead: "lost" }, slot: at(9, 0, "prevote"), verdict: not("KEY_DEAD") },
  {
    name: "G1: what a dead key signed",
    state: { ...having(at(3, 1, "prevote")), dead: "lost" },
    slot: at(3, 1, "prevote"),
    verdict: not("KEY_DEAD"),
  },
  {
    name: "G2: an earlier height, though a later round",
    state: having(at(3, 1, "prevote")),
    slot: at(2, 9, "precommit"),
    verdict: not("SIGN_REGRESSION"),
  },
  {
    name: "G2: an earlier round",
    state: having(at(3, 1, "prevote")),
    slot: at(3, 0, "precommit"),
    verdict: not("SIGN_REGRESSION"),
  },
  {
    name: "G2: what was signed in an earlier round",
    state: having(at(3, 0, "prevote"), at(3, 1, "prevote")),
    slot: at(3, 0, "prevote"),
    verdict: not("SIGN_REGRESSION"),
  },
  { name: "G3: the same again", state: having(at(3, 1, "prevote")), slot: at(3, 1, "prevote"), verdict: AGAIN },
  {
    name: "G3: the same again after the precommit",
    state: having(at(3, 1, "prevote"), at(3, 1, "precommit")),
    slot: at(3, 1, "prevote"),
    verdict: AGAIN,
  },
  {
    name: "G4: other bytes",
    state: having(at(3, 1, "prevote")),
    slot: at(3, 1, "prevote"),
    bytes: B,
    verdict: not("SIGN_CONFLICT"),
  },
  {
    name: "G4: bytes that go on",
    state: having(at(3, 1, "proposal")),
    slot: at(3, 1, "proposal"),
    bytes: utf8("said more"),
    verdict: not("SIGN_CONFLICT"),
  },
  {
    name: "G5: a prevote after the precommit",
    state: having(at(3, 1, "precommit")),
    slot: at(3, 1, "prevote"),
    verdict: not("SIGN_REGRESSION"),
  },
  {
    name: "G6: a proposal after both votes of its round",
    state: having(at(3, 1, "prevote"), at(3, 1, "precommit")),
    slot: at(3, 1, "proposal"),
    verdict: NEW,
  },
  { name: "G6: the next step", state: having(at(3, 1, "prevote")), slot: at(3, 1, "precommit"), verdict: NEW },
  { name: "G6: a later round", state: having(at(3, 1, "precommit")), slot: at(3, 2, "prevote"), verdict: NEW },
  {
    name: "G6: a later height, round 0",
    state: having(at(3, 7, "precommit")),
    slot: at(4, 0, "prevote"),
    verdict: NEW,
  },
]

describe("a sign-state", () => {
  for (const { name, state, slot, bytes = A, verdict } of cases) {
    it(name, () => assert.deepEqual(judge(state, slot, bytes), verdict))
  }

  it("keeps of an earlier round nothing, and says from how much of the log the newest follows", () => {
    const state = withSignature(having(at(3, 1, "prevote")), at(3, 2, "proposal"), { bytes: B, signature }, 77)
    assert.deepEqual(state.signed, { proposal: { bytes: B, signature }, prevote: null, precommit: null })
    assert.equal(state.logged, 77)
  })

  it("never lets two things be signed for one slot, whatever is asked for in whatever order", () => {
    const asked = fc.record({
      height: fc.integer({ min: 0, max: 2 }),
      round: fc.integer({ min: 0, max: 2 }),
      step: fc.constantFrom("proposal", "prevote", "precommit" as const),
      bytes: fc.constantFrom(A, B),
    })
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 40 }), (all) => {
        const signed = new Map<string, Uint8Array>()
        let state = UNSIGNED
        for (const { bytes, ...slot } of all) {
          const verdict = judge(state, slot, bytes)
          const key = `${slot.height} ${slot.round} ${slot.step}`
          if (verdict.kind === "refused") continue
          assert.equal(signed.get(key) ?? bytes, bytes)
          assert.equal(verdict.kind === "again", signed.has(key))
          signed.set(key, bytes)
          state = withSignature(state, slot, { bytes, signature }, 0)
        }
      }),
    )
  })

  const state = having(at(3, 1, "prevote"))
  for (const { name, of, bytes = A, beyond } of [
    { name: "the newest itself", of: at(3, 1, "prevote"), beyond: false },
    { name: "an older one", of: at(2, 8, "precommit"), beyond: false },
    { name: "another one in its place", of: at(3, 1, "prevote"), bytes: B, beyond: true },
    { name: "the next step", of: at(3, 1, "precommit"), beyond: true },
    { name: "a proposal of its round, which it did not make", of: at(3, 1, "proposal"), beyond: true },
    { name: "one of a later round", of: at(3, 2, "prevote"), beyond: true },
    { name: "one of a later height", of: at(4, 0, "prevote"), beyond: true },
  ]) {
    it(`G7: what it ${beyond ? "cannot have" : "may have"} signed: ${name}`, () => {
      assert.equal(isBeyond(state, of, bytes), beyond)
      assert.equal(isBeyond({ ...state, dead: "already" }, of, bytes), beyond)
    })
  }
})
