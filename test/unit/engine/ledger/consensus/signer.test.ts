import assert from "node:assert/strict"
import { utf8 } from "../../../../../agent/base/bytes.ts"
import { createSignState, type KeyOnChain, openSigner } from "../../../../../agent/engine/ledger/consensus/signer.ts"
import { ValidatorError } from "../../../../../agent/engine/ledger/consensus/error.ts"
import { VirtualFile } from "../../../../sim/chain/disk.ts"
import { hashKey } from "../../../../support/consensus-key.ts"

const chain = new Uint8Array(32).fill(1)
const slot = { height: 4, round: 1, step: "prevote" } as const
const of = (file: VirtualFile, more: Partial<KeyOnChain> = {}): KeyOnChain => ({
  key: hashKey("me"),
  chain,
  file,
  ...more,
})
const fails = (code: ValidatorError["code"], says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ValidatorError)
  assert.equal(error.code, code)
  assert.match(error.message, says)
  return true
}

describe("a signer", () => {
  let file: VirtualFile
  beforeEach(() => {
    file = new VirtualFile()
    createSignState(of(file))
  })

  it("signs with its key, and after a restart the same again", () => {
    const first = openSigner(of(file)).sign(slot, utf8("vote"), 5)
    assert.deepEqual(first, { ok: true, signature: hashKey("me").sign(utf8("vote")) })
    const restarted = openSigner(of(file))
    assert.deepEqual(restarted.state.logged, 5)
    assert.deepEqual(restarted.sign(slot, utf8("vote"), 9), first)
    assert.deepEqual(restarted.sign(slot, utf8("other"), 9), { ok: false, code: "SIGN_CONFLICT" })
    assert.deepEqual(restarted.sign({ ...slot, round: 0 }, utf8("vote"), 9), { ok: false, code: "SIGN_REGRESSION" })
  })

  it("gives no signature away that is not on the disk", () => {
    const full = new Error("no room")
    let isFull = false
    const careful = new VirtualFile((act) => {
      if (isFull) throw full
      act()
    })
    createSignState(of(careful))
    const signer = openSigner(of(careful))
    isFull = true
    assert.throws(() => signer.sign(slot, utf8("vote"), 0), full)
    assert.equal(signer.state.height, -1)
    isFull = false
    assert.equal(openSigner(of(careful)).state.height, -1)
  })

  it("signs nothing more with a key that was killed, also after a restart", () => {
    const signer = openSigner(of(file))
    signer.kill("two of them run")
    signer.kill("and another reason")
    for (const one of [signer, openSigner(of(file))]) {
      assert.equal(one.state.dead, "two of them run")
      assert.deepEqual(one.sign({ ...slot, height: 900 }, utf8("vote"), 0), { ok: false, code: "KEY_DEAD" })
    }
  })

  it("takes a key without a sign-state for dead, and makes none", () => {
    const none = new VirtualFile()
    assert.throws(() => openSigner(of(none)), fails("SIGN_STATE_MISSING", /not on record/))
    assert.equal(none.read(), null)
  })

  it("makes no second sign-state", () => {
    openSigner(of(file)).sign(slot, utf8("vote"), 0)
    const before = file.read()
    assert.throws(() => createSignState(of(file)), fails("SIGN_STATE_EXISTS", /already/))
    assert.deepEqual(file.read(), before)
  })

  it("takes a key with a damaged sign-state for dead: any bit, any length", () => {
    openSigner(of(file)).sign(slot, utf8("vote"), 0)
    const whole = file.read()!
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice()
      changed[at]! ^= 1 << (at % 8)
      for (const bytes of [changed, whole.slice(0, at)]) {
        const damaged = new VirtualFile()
        damaged.replace(bytes)
        assert.throws(() => openSigner(of(damaged)), fails("SIGN_STATE_DAMAGED", /is damaged/), `byte ${at}`)
      }
    }
  })

  it("takes no sign-state of another key or another chain", () => {
    assert.throws(() => openSigner(of(file, { key: hashKey("you") })), fails("SIGN_STATE_DAMAGED", /of another key/))
    const other = of(file, { chain: new Uint8Array(32).fill(2) })
    assert.throws(() => openSigner(other), fails("SIGN_STATE_DAMAGED", /of another chain/))
  })
})
