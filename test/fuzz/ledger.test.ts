import assert from "node:assert/strict"
import fc from "fast-check"
import { LedgerError } from "../../agent/core/ledger/error.ts"
import { encodeGenesis, genesisFault, genesisState, readGenesis } from "../../agent/core/ledger/genesis.ts"
import { decode, encode, type Layout } from "../../agent/core/ledger/layout.ts"
import {
  absentAt,
  accountAt,
  announcementAt,
  applicationAt,
  committeeAt,
  epochAt,
  lotAt,
  markAt,
  parametersAt,
  serviceAt,
  totalsAt,
  validatorAt,
} from "../../agent/core/ledger/state/records.ts"
import { chunkOf, encodeChunk, isChunk, readChunk } from "../../agent/core/ledger/tree/chunk.ts"
import { decodeNode, encodeNode } from "../../agent/core/ledger/tree/node.ts"
import { isProven, prove, treeProof } from "../../agent/core/ledger/tree/proof.ts"
import { signaturesOf } from "../../agent/core/ledger/transaction/signatures.ts"
import { encodeTransaction, readTransaction } from "../../agent/core/ledger/transaction/transaction.ts"
import { addressFor, Chain, genesisOf, hashOf } from "../support/ledger/chain.ts"
import { anyTransaction } from "../support/ledger/random-transaction.ts"
import { scaled } from "../support/scale.ts"

const numRuns = scaled(3_000, 50_000)

/** Bytes with some of them changed, cut, or put in: what a peer sends who knows the format. */
const damaged = (whole: fc.Arbitrary<Uint8Array>) =>
  fc
    .tuple(
      whole,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      fc.option(fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 4 }))),
    )
    .map(([bytes, edits, splice]) => {
      const changed = [...bytes]
      for (const [at, byte] of edits) if (changed.length > 0) changed[at % changed.length] = byte
      if (splice !== null) changed.splice(splice[0] % (changed.length + 1), splice[1], ...splice[2])
      return Uint8Array.from(changed)
    })

const NOISE = fc.uint8Array({ maxLength: 64 })
const chain = new Chain(genesisOf({}, { bob: 500n, carol: 70_000n }, { alice: 1_000n, bob: 300n }))
chain.send("bob", { kind: "delegate", validator: addressFor("alice"), amount: 20n })
chain.send("carol", { kind: "publish-service", manifest: hashOf("a"), price: 1n, deposit: 60n })
chain.send("carol", { kind: "publish-application", application: hashOf("a"), deposit: 60n })
chain.send("bob", { kind: "announce", manifest: hashOf("a"), bond: 30n, until: 5 })
chain.block([chain.transaction("bob", { kind: "transfer", to: addressFor("alice"), amount: 1n })], 1, ["alice"])

describe("the ledger, any bytes", function () {
  this.timeout(1_200_000)

  it("takes only transactions that are written exactly so, and never throws", () => {
    let taken = 0
    fc.assert(
      fc.property(
        fc.oneof({ weight: 9, arbitrary: damaged(anyTransaction.map(encodeTransaction)) }, NOISE),
        (bytes) => {
          const transaction = readTransaction(bytes)
          if (transaction === null) return
          taken++
          assert.deepEqual(Buffer.from(encodeTransaction(transaction)), Buffer.from(bytes))
          assert.ok(signaturesOf(transaction).length > 0)
        },
      ),
      { numRuns },
    )
    // Most of the damage is to a hash or an amount, and gives another transaction.
    assert.ok(taken > numRuns / 10, `${taken} taken`)
  })

  it("takes only genesis documents that are written exactly so, and begins a chain with any that has no fault", () => {
    const whole = encodeGenesis(chain.genesis)
    let begun = 0
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: damaged(fc.constant(whole)) }, NOISE), (bytes) => {
        const document = readGenesis(bytes)
        if (document === null) return
        assert.deepEqual(Buffer.from(encodeGenesis(document)), Buffer.from(bytes))
        if (genesisFault(document) !== null) return
        begun++
        assert.equal(genesisState(document).tree.root.length, 32)
      }),
      { numRuns },
    )
    assert.ok(begun > 0)
  })

  it("takes a proof for what its root holds, and none that was changed", () => {
    const name = accountAt(addressFor("carol")).name
    const proof = encode(treeProof, prove(chain.node, name))
    const value = chain.record(name)!
    fc.assert(
      fc.property(damaged(fc.constant(proof)), (bytes) => {
        const read = decode(treeProof, bytes)
        if (read === null) return
        const isWhole = Buffer.from(bytes).equals(proof)
        assert.equal(isProven(chain.appHash, name, value, read), isWhole)
        assert.ok(!isProven(chain.appHash, name, null, read))
      }),
      { numRuns },
    )
  })

  it("takes a part of a snapshot that its root holds, and none that was changed", () => {
    const records = [...chain.records].map(([name, value]) => ({ name, value }))
    const whole = encodeChunk(chunkOf(chain.node, "", records))
    fc.assert(
      fc.property(damaged(fc.constant(whole)), (bytes) => {
        const part = readChunk(bytes)
        if (part !== null) assert.equal(isChunk(chain.appHash, part), Buffer.from(bytes).equals(whole))
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    )
  })

  it("reads nodes of its tree as they were written, or says that they are damaged", () => {
    fc.assert(
      fc.property(damaged(fc.constantFrom(...chain.nodes.values())), (bytes) => {
        try {
          assert.deepEqual(Buffer.from(encodeNode(decodeNode(bytes))), Buffer.from(bytes))
        } catch (error) {
          assert.ok(error instanceof LedgerError && error.code === "STATE_DAMAGED", String(error))
        }
      }),
      { numRuns },
    )
  })

  it("reads records of every kind as they were written, or not at all", () => {
    const [alice, bob, hash] = [addressFor("alice"), addressFor("bob"), hashOf("a")]
    const places = [
      ...[absentAt, accountAt(bob), announcementAt(hash, bob), applicationAt(hash), committeeAt(0), epochAt],
      ...[lotAt(alice, bob, 1), markAt(alice, 1), parametersAt, serviceAt(hash), totalsAt, validatorAt(alice)],
    ]
    for (const { name, layout } of places) {
      const whole = chain.record(name)
      assert.ok(whole !== null, name)
      const of = layout as Layout<unknown>
      fc.assert(
        fc.property(damaged(fc.constant(whole)), (bytes) => {
          const value = decode(of, bytes)
          if (value !== null) assert.deepEqual(Buffer.from(encode(of, value)), Buffer.from(bytes))
        }),
        { numRuns: Math.ceil(numRuns / places.length) },
      )
    }
  })
})
