import assert from "node:assert/strict"
import { readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fromHex, utf8 } from "../../../../agent/base/bytes.ts"
import { openConsensusKey } from "../../../../agent/io/keys/consensus-key.ts"
import { verifySignature } from "../../../../agent/io/keys/verify.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("a consensus key", () => {
  it("is made once, for its owner alone, and is another in another home", () => {
    const dir = join(tempDir("consensus"), "consensus")
    const first = openConsensusKey(dir)
    assert.equal(openConsensusKey(dir).address, first.address)
    assert.deepEqual(readdirSync(dir), ["key"])
    assert.deepEqual([statSync(dir).mode & 0o777, statSync(join(dir, "key")).mode & 0o777], [0o700, 0o600])
    assert.notEqual(openConsensusKey(join(tempDir("consensus"), "consensus")).address, first.address)
  })

  it("signs the same bytes with the same signature, and the house's own verdict holds", () => {
    const key = openConsensusKey(join(tempDir("consensus"), "consensus"))
    const bytes = utf8("a vote")
    assert.deepEqual(key.sign(bytes), key.sign(bytes))
    assert.equal(verifySignature(fromHex(key.publicKey)!, bytes, key.sign(bytes)), true)
    assert.equal(verifySignature(fromHex(key.publicKey)!, utf8("another"), key.sign(bytes)), false)
  })

  it("is never replaced where it is damaged", () => {
    const dir = tempDir("consensus")
    writeFileSync(join(dir, "key"), "half a key", { mode: 0o600 })
    assert.throws(() => openConsensusKey(dir), { code: "KEY_FILE_DAMAGED" })
  })
})
