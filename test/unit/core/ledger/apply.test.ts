import assert from "node:assert/strict"
import { LedgerError } from "../../../../agent/core/ledger/error.ts"
import { accountAt, epochAt, totalsAt } from "../../../../agent/core/ledger/state/records.ts"
import { State } from "../../../../agent/core/ledger/state/state.ts"
import type { ChainId } from "../../../../agent/core/ledger/terms.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { addressFor, Chain, genesisOf, hashOf, HOUR, keyOf } from "../../../support/ledger/chain.ts"

const [bob, carol] = [addressFor("bob"), addressFor("carol")]
const begin = (parameters = {}) => new Chain(genesisOf(parameters, { bob: 1_000n, carol: 1_000n }, { alice: 1_000n }))
const pay = (amount: bigint, to = carol) => ({ kind: "transfer", to, amount }) as const

describe("a block", () => {
  it("moves tokens from who sends them to who gets them, and the fee to the stakers", () => {
    const chain = begin()
    assert.equal(chain.send("bob", pay(100n)), null)
    assert.equal(chain.balance("bob"), 890n)
    assert.equal(chain.balance("carol"), 1_100n)
    assert.equal(chain.get(totalsAt)!.pot, 10n)
    audit(chain)
  })

  it("takes the fee from who signed to pay it", () => {
    const chain = begin()
    assert.equal(
      chain.send(
        "dave",
        { kind: "publish-service", manifest: hashOf("s"), price: 1n, deposit: 0n },
        { payer: keyOf("carol") },
      ),
      "DEPOSIT_TOO_LOW",
    )
    assert.equal(chain.balance("carol"), 990n)
    assert.equal(chain.get(accountAt(addressFor("dave")))!.nonce, 1)
    audit(chain)
  })

  it("takes the fee of a transaction that fails, uses its nonce, and does nothing else of it", () => {
    const chain = begin()
    assert.equal(chain.send("bob", pay(991n)), "BALANCE_TOO_LOW")
    assert.deepEqual([chain.balance("bob"), chain.balance("carol")], [990n, 1_000n])
    assert.equal(chain.get(accountAt(bob))!.nonce, 1)
    assert.equal(chain.send("bob", pay(0n)), "AMOUNT_ZERO")
    assert.equal(chain.send("bob", pay(980n - 10n - 10n)), null)
    audit(chain)
  })

  it("lets nobody send more to himself than he has", () => {
    const chain = begin()
    assert.equal(chain.send("bob", pay(500n, bob)), null)
    assert.equal(chain.balance("bob"), 990n)
    assert.equal(chain.send("bob", pay(981n, bob)), "BALANCE_TOO_LOW")
    audit(chain)
  })

  const refusals = [
    ["OTHER_CHAIN", { chain: "11".repeat(32) as ChainId }],
    ["NONCE_USED", { nonce: 0 }],
    ["NONCE_AHEAD", { nonce: 2 }],
    ["EXPIRED", { validUntil: HOUR - 1 }],
    ["FEE_ABOVE_LIMIT", { feeLimit: 9n }],
    ["FEE_NOT_COVERED", { payer: keyOf("dave") }],
  ] as const
  for (const [code, change] of refusals) {
    it(`cannot hold a transaction that is ${code}`, () => {
      const chain = begin()
      chain.send("bob", pay(1n))
      const good = chain.transaction("carol", pay(1n, bob))
      const applied = chain.try([good, chain.transaction("bob", pay(1n), change)], HOUR)
      assert.deepEqual(applied, { ok: false, at: 1, code })
    })
  }

  it("takes transactions of one sender in their order", () => {
    const chain = begin()
    const three = [0, 1, 2].map((nonce) => chain.transaction("bob", pay(1n), { nonce }))
    assert.deepEqual(chain.try(three.toReversed()), { ok: false, at: 0, code: "NONCE_AHEAD" })
    assert.equal(chain.block(three).receipts.length, 3)
  })

  it("charges by the byte what the chain says", () => {
    const chain = begin({ feeBase: 1n, feePerByte: 2n })
    const transaction = chain.transaction("bob", pay(1n), { feeLimit: 5_000n, touches: [`account/${carol}`, "x"] })
    const [receipt] = chain.block([transaction]).receipts
    assert.equal(receipt!.fee, 1n + 2n * BigInt(transaction.bytes))
    assert.equal(receipt!.id, transaction.id)
    audit(chain)
  })

  it("fails a transaction that reads or changes what it did not name", () => {
    const chain = begin()
    assert.equal(chain.send("bob", pay(1n), { touches: [] }), "UNDECLARED_TOUCH")
    assert.equal(chain.send("bob", pay(10_000n), { touches: [] }), "BALANCE_TOO_LOW")
    assert.deepEqual([chain.balance("bob"), chain.balance("carol")], [980n, 1_000n])
    audit(chain)
  })

  it("without transactions and with nothing due leaves the state as it is", () => {
    const chain = begin()
    const applied = chain.try([], HOUR - 1, ["alice"])
    assert.ok(applied.ok)
    assert.deepEqual([applied.records.size, applied.nodes.size, applied.validatorUpdates], [0, 0, []])
    assert.deepEqual(applied.appHash, chain.appHash)
    assert.equal(applied.nextDue, HOUR)
  })

  it("ends an epoch late where the chain stood still, and the next one has its full length", () => {
    const chain = begin()
    chain.block([], 100 * HOUR)
    const { number, ends } = chain.get(epochAt)!
    assert.deepEqual([number, ends], [1, 101 * HOUR])
  })

  it("is refused where the state is damaged", () => {
    const chain = begin()
    chain.records.set(accountAt(bob).name, Uint8Array.of(0x80))
    assert.throws(() => chain.send("bob", pay(1n)), damage)
    chain.records.delete(totalsAt.name)
    assert.throws(() => chain.send("carol", pay(1n)), damage)
  })

  it("cannot make tokens or lose some, whatever is done wrong", () => {
    const chain = begin()
    const state = State.over(chain)
    state.move("burned", "accounts", 1n)
    assert.throws(() => state.close(), damage)
  })

  it("has the app hash that it had from the first", () => {
    const chain = begin()
    assert.equal(chain.appHash.toHex(), "3b3178f72abb7feac53d22a3b0fb91d8dfa83455791486a6ca044d6d134453f7")
    chain.send("bob", pay(5n))
    chain.waitUntil(3 * HOUR)
    assert.equal(chain.appHash.toHex(), "74368c5b27f4a4709c29d66bfd2291ad232614b6a1a3887cb244af3a4c4d7136")
  })
})

function damage(error: unknown): boolean {
  return error instanceof LedgerError && error.code === "STATE_DAMAGED"
}
