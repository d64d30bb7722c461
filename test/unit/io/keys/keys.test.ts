import assert from "node:assert/strict"
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fromHex, utf8 } from "../../../../agent/base/bytes.ts"
import { KEY_NAMES, openKeys } from "../../../../agent/io/keys/keys.ts"
import { systemRandom } from "../../../../agent/io/keys/random.ts"
import { verifySignature } from "../../../../agent/io/keys/verify.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("openKeys", () => {
  it("makes keys once: the same node after a restart, another in another home", () => {
    const dir = join(tempDir("keys"), "keys")
    const first = openKeys(dir)
    assert.match(first.nodeKey, /^[0-9a-f]{64}$/)
    assert.equal(openKeys(dir).nodeKey, first.nodeKey)
    assert.notEqual(openKeys(join(tempDir("keys"), "keys")).nodeKey, first.nodeKey)
  })

  it("keeps them to the owner, and leaves no draft behind", () => {
    const dir = join(tempDir("keys"), "keys")
    openKeys(dir)
    assert.equal(statSync(dir).mode & 0o777, 0o700)
    for (const name of KEY_NAMES) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(dir).sort(), ["node.key", "seal.key"])
  })

  it("signs so that the house's own verdict holds", () => {
    const keys = openKeys(join(tempDir("keys"), "keys"))
    const message = utf8("an offer")
    const signature = keys.sign(message)
    assert.equal(signature.length, 64)
    assert.equal(verifySignature(fromHex(keys.nodeKey)!, message, signature), true)
    assert.equal(verifySignature(fromHex(keys.nodeKey)!, utf8("another"), signature), false)
  })

  for (const length of [0, 1, 100_000])
    it(`opens ${length} bytes that it sealed, and nothing that was changed by a bit or cut`, () => {
      const keys = openKeys(join(tempDir("keys"), "keys"))
      const plain = systemRandom.bytes(length)
      const sealed = keys.seal(plain)
      assert.deepEqual(keys.open(sealed), plain)
      assert.notDeepEqual(keys.seal(plain), sealed)
      for (const at of [0, 1, 12, 13, sealed.length - 17, sealed.length - 1]) {
        const changed = sealed.slice()
        changed[at]! ^= 1
        assert.equal(keys.open(changed), null, `byte ${at}`)
      }
      for (const cut of [0, 1, 28, sealed.length - 1]) assert.equal(keys.open(sealed.subarray(0, cut)), null)
    })

  it("does not open what another home sealed", () => {
    const [one, two] = [openKeys(join(tempDir("keys"), "k")), openKeys(join(tempDir("keys"), "k"))]
    assert.equal(two.open(one.seal(utf8("secret"))), null)
  })

  it("refuses a key that others can read, and says what to do", () => {
    const dir = join(tempDir("keys"), "keys")
    openKeys(dir)
    chmodSync(join(dir, "node.key"), 0o640)
    assert.throws(() => openKeys(dir), { code: "KEY_FILE_EXPOSED", remedy: /chmod 600/ })
  })

  // Not even root can read a folder.
  it("says which key cannot be read", () => {
    const dir = join(tempDir("keys"), "keys")
    mkdirSync(join(dir, "node.key"), { recursive: true, mode: 0o700 })
    assert.throws(() => openKeys(dir), { code: "KEY_FILE_UNREADABLE", message: /node\.key cannot be read: EISDIR/ })
  })

  for (const content of ["", "not hex", "abcd\n"])
    it(`never replaces a damaged key (${JSON.stringify(content)})`, () => {
      const dir = join(tempDir("keys"), "keys")
      openKeys(dir)
      writeFileSync(join(dir, "seal.key"), content)
      assert.throws(() => openKeys(dir), { code: "KEY_FILE_DAMAGED" })
      assert.equal(readFileSync(join(dir, "seal.key"), "latin1"), content)
    })

  it("says which folder it cannot make", () => {
    const file = join(tempDir("keys"), "file")
    writeFileSync(file, "")
    assert.throws(() => openKeys(join(file, "keys")), { code: "KEYS_NOT_WRITABLE" })
  })
})
