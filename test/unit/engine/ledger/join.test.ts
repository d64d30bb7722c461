import assert from "node:assert/strict"
import { fromHex } from "../../../../agent/base/bytes.ts"
import { isMesgError } from "../../../../agent/base/errors.ts"
import { chainIdOf, encodeGenesis } from "../../../../agent/core/ledger/genesis.ts"
import { genesisTip } from "../../../../agent/core/chain/tip.ts"
import { Blocks } from "../../../../agent/engine/ledger/chain/blocks.ts"
import { openSigner } from "../../../../agent/engine/ledger/consensus/signer.ts"
import { joinChain } from "../../../../agent/engine/ledger/join.ts"
import { verifier } from "../../../../agent/io/keys/verifier.ts"
import { VirtualFile } from "../../../sim/chain/disk.ts"
import { consensusKey, signedGenesis } from "../../../support/ledger/signed.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const GENESIS = signedGenesis({ ann: 10_000n }, { vera: 1000n, vic: 1000n })
const CHAIN = chainIdOf(GENESIS)
const KEY = consensusKey("vera")

describe("joining a chain", () => {
  let store: MemoryStore
  let file: VirtualFile
  beforeEach(() => {
    store = new MemoryStore()
    file = new VirtualFile()
  })
  const join = (document: Uint8Array = encodeGenesis(GENESIS)) =>
    joinChain({ blocks: new Blocks(store), verifier: verifier(), key: KEY, signState: () => file }, document)
  const signer = () => openSigner({ key: KEY, chain: fromHex(CHAIN)!, file })

  it("makes its state, its tip and the sign-state of the key", async () => {
    assert.deepEqual(await join(), { ok: true, chain: CHAIN })
    assert.deepEqual(new Blocks(store).tip(), genesisTip(GENESIS).tip)
    assert.equal(signer().state.dead, null)
  })

  it("is done once: a Core is on one chain", async () => {
    await join()
    const other = encodeGenesis(signedGenesis({ ann: 1n }, { vic: 1000n }))
    assert.deepEqual(await join(other), { ok: false, code: "CHAIN_JOINED", chain: CHAIN })
  })

  const exchanged = GENESIS.validators.map((one, i) => ({ ...one, proof: GENESIS.validators[1 - i]!.proof }))
  const refused = [
    { document: Uint8Array.of(1, 2, 3), answer: { ok: false, code: "GENESIS_UNREADABLE" } },
    {
      document: encodeGenesis({ ...GENESIS, validators: [] }),
      answer: { ok: false, code: "GENESIS_REFUSED", fault: "VALIDATORS_NOT_ALLOWED" },
    },
    {
      document: encodeGenesis({ ...GENESIS, validators: exchanged }),
      answer: { ok: false, code: "GENESIS_UNSIGNED" },
    },
  ]
  for (const { document, answer } of refused)
    it(`answers ${answer.code} and leaves nothing behind`, async () => {
      assert.deepEqual(await join(document), answer)
      assert.equal(new Blocks(store).tip(), null)
      assert.equal(file.read(), null)
    })

  it("is finished where the power went between the sign-state and the chain", async () => {
    await join()
    store = new MemoryStore()
    assert.deepEqual(await join(), { ok: true, chain: CHAIN })
  })

  it("is not done with a key that has signed there: its store was lost, and nobody knows what it locked", async () => {
    await join()
    signer().sign({ height: 1, round: 0, step: "prevote" }, Uint8Array.of(1), 0)
    store = new MemoryStore()
    await assert.rejects(join(), (error) => isMesgError(error) && error.code === "SIGN_STATE_EXISTS")
    assert.equal(new Blocks(store).tip(), null)
  })
})
