import assert from "node:assert/strict"
import { generateKeyPairSync, sign } from "node:crypto"
import { fromHex } from "../../../../agent/base/bytes.ts"
import { SLASHED_LOTS_PER_BLOCK_MAX } from "../../../../agent/base/network-limits.ts"
import { voteBytes } from "../../../../agent/core/consensus/message.ts"
import type { ValueId } from "../../../../agent/core/consensus/terms.ts"
import {
  committeeAt,
  epochAt,
  lotAt,
  slashAt,
  totalsAt,
  validatorAt,
} from "../../../../agent/core/ledger/state/records.ts"
import type { Hash, PublicKey, Signature } from "../../../../agent/core/ledger/terms.ts"
import { signaturesOf } from "../../../../agent/core/ledger/transaction/signatures.ts"
import { accountOf } from "../../../../agent/core/ledger/transaction/transaction.ts"
import { verifySignature } from "../../../../agent/io/keys/verify.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { addressFor, Chain, genesisOf, hashOf, HOUR, keyOf } from "../../../support/ledger/chain.ts"
import { evidence } from "../../../support/ledger/evidence.ts"

const [alice, bob, carol] = [addressFor("alice"), addressFor("bob"), addressFor("carol")]
const begin = (parameters = {}) =>
  new Chain(
    genesisOf({ churn: 10_000, ...parameters }, { bob: 100_000n, carol: 10_000n }, { alice: 1_000n, bob: 1_000n }),
  )
const delegate = (amount: bigint) => ({ kind: "delegate", validator: alice, amount }) as const
const tokensOf = (chain: Chain, owner: typeof bob, lot: number) => chain.get(lotAt(alice, owner, lot))?.tokens
const size = (chain: Chain) => chain.get(committeeAt(chain.get(epochAt)!.committee))!.members.length
const later = (chain: Chain, hours: number) => chain.waitUntil(chain.time + hours * HOUR)

describe("a slash", () => {
  it("takes a twentieth of the stake, a twentieth of that for who reports it, and burns the rest", () => {
    const chain = begin()
    assert.equal(chain.send("carol", evidence(chain, alice, 0)), null)
    assert.equal(tokensOf(chain, alice, 0), 950n)
    assert.equal(chain.balance("carol"), 10_000n - 10n + 2n)
    assert.equal(chain.get(totalsAt)!.burned, 48n)
    assert.equal(size(chain), 1)
    assert.equal(chain.get(validatorAt(alice))!.power, 0n)
    audit(chain)
  })

  it("takes from who stood at that time, also where it leaves since, and not from who came later", () => {
    const chain = begin()
    chain.send("carol", delegate(1_000n)) // lot 0, in the epoch after this one
    chain.send("carol", delegate(2_000n)) // lot 1 leaves before the deed
    later(chain, 1)
    chain.send("carol", { kind: "unbond", validator: alice, lot: 1, amount: 2_000n })
    later(chain, 1)
    for (let i = 0; i < 2; i++) chain.send("bob", { kind: "transfer", to: carol, amount: 1n })
    const deed = chain.height
    chain.send("carol", { kind: "unbond", validator: alice, lot: 0, amount: 400n }) // its part leaves after it
    const part = 3
    later(chain, 1)
    chain.send("carol", delegate(500n)) // after it
    later(chain, 1)
    assert.equal(chain.send("bob", evidence(chain, alice, deed)), null)
    assert.deepEqual(
      [tokensOf(chain, alice, 0), ...[0, 1, part, 4].map((lot) => tokensOf(chain, carol, lot))],
      [950n, 570n, 2_000n, 380n, 500n],
    )
    audit(chain)
    later(chain, 20)
    audit(chain)
  })

  it("of two validators in one block is the same, whoever reports first", () => {
    const chain = new Chain(genesisOf({}, { carol: 100n, dave: 100n }, { alice: 500n, bob: 600n, erin: 700n }))
    const two = [
      chain.transaction("carol", evidence(chain, alice, 0)),
      chain.transaction("dave", evidence(chain, bob, 0)),
    ]
    const [one, other] = [chain.try(two), chain.try(two.toReversed())]
    assert.ok(one.ok && other.ok)
    assert.equal(one.appHash.toHex(), other.appHash.toHex())
    assert.deepEqual(
      one.receipts.map(({ failure }) => failure),
      [null, null],
    )
    chain.block(two)
    assert.equal(size(chain), 1)
    audit(chain)
    assert.equal(chain.send("carol", evidence(chain, addressFor("erin"), 0)), null)
    assert.equal(size(chain), 1)
    audit(chain)
  })

  it("is for ever, and once", () => {
    const chain = begin()
    chain.send("carol", evidence(chain, alice, 0))
    assert.equal(chain.send("carol", evidence(chain, alice, 0)), "VALIDATOR_PUNISHED")
    assert.equal(chain.send("alice", { kind: "unjail" }, { payer: keyOf("bob") }), "TIME_NOT_ALLOWED")
    assert.equal(chain.send("carol", delegate(10n)), "VALIDATOR_PUNISHED")
    later(chain, 200)
    assert.equal(size(chain), 1)
    audit(chain)
  })

  it("leaves the last validator in its place, poorer", () => {
    const chain = new Chain(genesisOf({}, { carol: 100n }, { alice: 1_000n }))
    assert.equal(chain.send("carol", evidence(chain, alice, 0)), null)
    later(chain, 5)
    assert.deepEqual([size(chain), tokensOf(chain, alice, 0)], [1, 950n])
    audit(chain)
  })

  it("goes through any number of lots, so many in a block, and lets none by", () => {
    const chain = begin({ recordsMax: 10_000 })
    const count = 3 * SLASHED_LOTS_PER_BLOCK_MAX
    for (let i = 0; i < count; i += 64) {
      chain.block(Array.from({ length: 64 }, (_, j) => chain.transaction("bob", delegate(100n), { nonce: 1 + i + j })))
    }
    chain.send("bob", { kind: "unbond", validator: alice, lot: count, amount: 100n }) // leaves before the deed
    later(chain, 1)
    chain.block([])
    chain.block([])
    const deed = chain.height
    chain.send("bob", { kind: "unbond", validator: alice, lot: count - 1, amount: 100n })
    chain.waitUntil(chain.get(epochAt)!.ends)
    chain.time += 10 * HOUR // both are due by now
    chain.send("carol", evidence(chain, alice, deed))
    assert.ok(chain.get(slashAt(alice)) !== null)
    assert.equal(chain.send("bob", { kind: "unbond", validator: alice, lot: 5, amount: 1n }), "SLASH_PENDING")
    assert.equal(chain.nextDue, chain.time)
    chain.waitUntil(chain.time)
    assert.equal(chain.get(slashAt(alice)), null)
    const left = Array.from({ length: count }, (_, i) => tokensOf(chain, bob, i + 1)).filter((one) => one !== undefined)
    assert.deepEqual([...new Set(left)], [95n])
    assert.equal(left.length, count - 2)
    // All but the one that had left: also the one that was paid out in the very block of the report.
    assert.equal(chain.get(totalsAt)!.burned, 48n + 5n * BigInt(count - 1))
    audit(chain)
  }).timeout(120_000)

  const lies: Readonly<Record<string, (of: ReturnType<typeof evidence>) => object>> = {
    "the same value twice": ({ first }) => ({ second: first }),
    "another height": ({ second }) => ({ second: { ...second, height: 1 } }),
    "another round": ({ second }) => ({ second: { ...second, round: 1 } }),
    "another step": ({ second }) => ({ second: { ...second, type: 0 } }),
    "another's key": () => ({ key: keyOf("consensus bob") }),
    "who is no member": () => ({ validator: carol }),
  }
  for (const [name, lie] of Object.entries(lies)) {
    it(`needs evidence, not ${name}`, () => {
      const chain = begin()
      chain.send("carol", {
        kind: "bond",
        key: keyOf("consensus carol"),
        proof: "00".repeat(64) as Signature,
        amount: 0n,
      })
      const body = evidence(chain, alice, 0)
      assert.equal(chain.send("carol", { ...body, ...lie(body) }), "EVIDENCE_INVALID")
      audit(chain)
    })
  }

  it("needs evidence of the epoch and of the committee that it names", () => {
    const chain = begin()
    chain.send("carol", {
      kind: "bond",
      key: keyOf("consensus carol"),
      proof: "00".repeat(64) as Signature,
      amount: 100n,
    })
    later(chain, 3)
    const body = evidence(chain, alice, chain.height)
    assert.ok(body.epoch > 0 && body.committee > 0)
    assert.equal(chain.send("carol", { ...body, epoch: body.epoch - 1 }), "EVIDENCE_INVALID")
    assert.equal(chain.send("carol", { ...body, committee: body.committee - 1 }), "EVIDENCE_INVALID")
    assert.equal(chain.send("carol", { ...body, epoch: 99 }), "EVIDENCE_OLD")
    assert.equal(chain.send("carol", body), null)
    audit(chain)
  })

  it("is too late when the stake of that time is gone", () => {
    const chain = begin()
    const body = evidence(chain, alice, 0)
    chain.waitUntil(11 * HOUR)
    assert.equal(chain.send("carol", body), "EVIDENCE_OLD")
  })

  it("rests on two votes that were signed as votes are", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519")
    const key = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex") as PublicKey
    const chain = begin()
    const signed = (value: Hash | null) => {
      const said = { type: "precommit", height: 0, round: 0, value: value as ValueId | null, timeMs: 7 } as const
      const message = voteBytes(fromHex(chain.id)!, { ...said, voter: accountOf(key) })
      const signature = sign(null, message, privateKey).toString("hex") as Signature
      return { type: 1, height: 0, round: 0, value, time: 7, signature }
    }
    const body = { ...evidence(chain, alice, 0), key, first: signed(hashOf("this")), second: signed(null) }
    const ofVotes = (one: typeof body) =>
      signaturesOf(chain.transaction("carol", one))
        .slice(1)
        .map(({ key: by, message, signature }) => verifySignature(fromHex(by)!, message, fromHex(signature)!))
    assert.deepEqual(ofVotes(body), [true, true])
    assert.deepEqual(ofVotes({ ...body, second: { ...body.second, time: 8 } }), [true, false])
  })
})
