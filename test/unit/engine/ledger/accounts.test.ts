import assert from "node:assert/strict"
import { join } from "node:path"
import { Accounts } from "../../../../agent/engine/ledger/wallet/accounts.ts"
import { openKeys } from "../../../../agent/io/keys/keys.ts"
import { systemRandom } from "../../../../agent/io/keys/random.ts"
import { openSigningKey } from "../../../../agent/io/keys/signing-key.ts"
import { verifySignature } from "../../../../agent/io/keys/verify.ts"
import { fromHex } from "../../../../agent/base/bytes.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("the accounts of a home", () => {
  const accountsOf = (store: MemoryStore, home: string) =>
    new Accounts({ store, keys: openKeys(join(home, "keys")), random: systemRandom, openKey: openSigningKey })

  it("sign with the key that they are known by, after a start too, and are listed by name", async () => {
    const [store, home] = [new MemoryStore(), tempDir("accounts")]
    const made = await accountsOf(store, home).create("till")
    await accountsOf(store, home).create("main")
    const accounts = accountsOf(store, home)
    assert.deepEqual(
      accounts.list().map(({ name }) => name),
      ["main", "till"],
    )
    const key = accounts.keyOf("till")
    assert.equal(key.publicKey, made.publicKey)
    const message = Uint8Array.of(1, 2, 3)
    assert.ok(verifySignature(fromHex(made.publicKey)!, message, key.sign(message)))
    assert.throws(() => accounts.keyOf("none"), { code: "ACCOUNT_NOT_FOUND" })
  })

  it("replace none, and say where the seed was sealed by another home", async () => {
    const store = new MemoryStore()
    const accounts = accountsOf(store, tempDir("accounts"))
    await accounts.create("main")
    const seed = accounts.seedOf("main")
    await assert.rejects(accounts.create("main"), { code: "ACCOUNT_EXISTS" })
    await assert.rejects(accounts.add("again", seed), { code: "ACCOUNT_EXISTS" })
    const elsewhere = accountsOf(store, tempDir("accounts"))
    assert.equal(elsewhere.list().length, 1)
    assert.throws(() => elsewhere.keyOf("main"), { code: "ACCOUNT_LOST" })
  })
})
