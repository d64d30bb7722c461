import assert from "node:assert/strict"
import fc from "fast-check"
import { type Canonical, decodeCanonical, encodeCanonical } from "../../../../agent/base/canonical.ts"
import { TRANSACTION_BYTES_MAX } from "../../../../agent/base/network-limits.ts"
import { AMOUNT_MAX } from "../../../../agent/base/amount.ts"
import {
  encodeTransaction,
  readTransaction,
  type Transaction,
  transactionId,
} from "../../../../agent/core/ledger/transaction/transaction.ts"
import { signaturesOf } from "../../../../agent/core/ledger/transaction/signatures.ts"
import { goldenTransactions } from "../../../support/ledger/golden-transactions.ts"
import { anyBody, anyTransaction } from "../../../support/ledger/random-transaction.ts"
import { scaled } from "../../../support/scale.ts"

const numRuns = scaled(500, 50_000)
type Items = Canonical[]
type Unsigned = Transaction["unsigned"]

const plain = fc.sample(
  anyTransaction.map((one) => ({
    ...one,
    unsigned: { ...one.unsigned, payer: null, touches: ["a", "b"] } satisfies Unsigned,
    payerSignature: null,
  })),
  { numRuns: 1, seed: 1 },
)[0]!

/** The bytes of a transaction with something changed in its items: [unsigned, signature, payer's signature]. */
function altered(change: (whole: Items, unsigned: Items) => void, from: Transaction = plain): Uint8Array {
  const decoded = decodeCanonical(encodeTransaction(from))
  assert.ok(decoded.ok)
  const whole = decoded.value as Items
  change(whole, whole[0] as Items)
  return encodeCanonical(whole)
}

const [VERSION, NONCE, FEE_LIMIT, PAYER, TOUCHES, BODY] = [0, 3, 4, 5, 7, 8]

describe("transactions", function () {
  this.timeout(600_000)

  it("read back as they were written, of every kind", () => {
    fc.assert(
      fc.property(anyTransaction, (transaction) => {
        const { unsigned, signature, payerSignature } = readTransaction(encodeTransaction(transaction))!
        assert.deepEqual({ unsigned, signature, payerSignature }, transaction)
      }),
      { numRuns },
    )
  })

  it("have the bytes and ids that they had from the first", () => {
    const golden = goldenTransactions()
    const kinds = golden.map(({ transaction }) => transaction.unsigned.body.kind)
    assert.deepEqual(new Set(kinds), new Set(Object.keys(anyBody)))
    for (const { id, bytes, transaction } of golden) {
      assert.equal(encodeTransaction(transaction).toHex(), bytes)
      assert.equal(transactionId(transaction.unsigned), id)
      const { unsigned, signature, payerSignature } = readTransaction(Uint8Array.fromHex(bytes))!
      assert.deepEqual({ unsigned, signature, payerSignature }, transaction)
    }
  })

  it("keep their id whoever signs, and change it with any field of theirs", () => {
    const id = transactionId(plain.unsigned)
    const other = readTransaction(altered((whole) => (whole[1] = new Uint8Array(64))))!
    assert.equal(other.id, id)
    for (const [name, value] of Object.entries({ nonce: plain.unsigned.nonce + 1, validUntil: 7, touches: ["a"] })) {
      assert.notEqual(transactionId({ ...plain.unsigned, [name]: value }), id, name)
    }
  })

  const refused: Readonly<Record<string, (whole: Items, unsigned: Items) => void>> = {
    "another version": (_, unsigned) => (unsigned[VERSION] = 2),
    "a negative nonce": (_, unsigned) => (unsigned[NONCE] = -1),
    "an amount with a zero in front": (_, unsigned) => (unsigned[FEE_LIMIT] = Uint8Array.of(0, 1)),
    "an amount that is an integer of CBOR": (_, unsigned) => (unsigned[FEE_LIMIT] = 1),
    "an amount past 2^96-1": (_, unsigned) => (unsigned[FEE_LIMIT] = Uint8Array.of(1, ...new Uint8Array(12))),
    "a payer who did not sign": (_, unsigned) => (unsigned[PAYER] = new Uint8Array(32)),
    "a payer's signature without a payer": (whole) => (whole[2] = new Uint8Array(64)),
    "a payer who is the sender": (whole, unsigned) => {
      unsigned[PAYER] = unsigned[2]!
      whole[2] = new Uint8Array(64)
    },
    "touches out of order": (_, unsigned) => (unsigned[TOUCHES] = ["b", "a"]),
    "a touch twice": (_, unsigned) => (unsigned[TOUCHES] = ["a", "a"]),
    "a touch of other letters": (_, unsigned) => (unsigned[TOUCHES] = ["A"]),
    "a kind that nobody knows": (_, unsigned) => (unsigned[BODY] = [99, []]),
    "a body with a field too many": (_, unsigned) => (unsigned[BODY] = [5, [1]]),
    "a field too many": (_, unsigned) => unsigned.push(0),
    "a short signature": (whole) => (whole[1] = new Uint8Array(63)),
  }
  for (const [name, change] of Object.entries(refused)) {
    it(`are refused with ${name}`, () => assert.equal(readTransaction(altered(change)), null))
  }

  it("carry the greatest amount there is, and none of it as a float", () => {
    const bytes = encodeTransaction({ ...plain, unsigned: { ...plain.unsigned, feeLimit: AMOUNT_MAX } })
    assert.equal(readTransaction(bytes)!.unsigned.feeLimit, AMOUNT_MAX)
    assert.ok(Buffer.from(bytes).includes(Uint8Array.of(0x4c, ...new Uint8Array(12).fill(0xff))))
  })

  it("are refused when they are too long, before anything of them is read", () => {
    assert.equal(readTransaction(new Uint8Array(TRANSACTION_BYTES_MAX + 1)), null)
  })

  it("name every signature that they rest on", () => {
    fc.assert(
      fc.property(anyTransaction, (transaction) => {
        const { body, from, payer } = transaction.unsigned
        const keys = signaturesOf(transaction).map(({ key }) => key)
        const ofBody =
          body.kind === "bond" || body.kind === "rotate"
            ? [body.key]
            : body.kind === "change-set"
              ? [...body.validators.filter(({ power }) => power > 0), ...body.approvals].map(({ key }) => key)
              : body.kind === "report"
                ? [body.key, body.key]
                : []
        assert.deepEqual(keys, [from, ...(payer === null ? [] : [payer]), ...ofBody])
        const [own, ...others] = signaturesOf(transaction).map(({ message }) => message.toHex())
        assert.equal(others.filter((message) => message === own).length, payer === null ? 0 : 1)
      }),
      { numRuns: scaled(200, 5_000) },
    )
  })
})
