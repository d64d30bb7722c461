import assert from "node:assert/strict"
import type { Address } from "../../../../agent/base/address.ts"
import { committeeAt, epochAt, validatorAt } from "../../../../agent/core/ledger/state/records.ts"
import type { Signature } from "../../../../agent/core/ledger/terms.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { evidence } from "../../../support/ledger/evidence.ts"
import { addressFor, Chain, genesisOf, HOUR, keyOf } from "../../../support/ledger/chain.ts"

const [alice, bob, carol] = [addressFor("alice"), addressFor("bob"), addressFor("carol")]
const begin = (parameters = {}, stakes: Readonly<Record<string, bigint>> = { alice: 1_000n }) =>
  new Chain(genesisOf(parameters, { bob: 10_000n, carol: 10_000n, alice: 1_000n }, stakes))
const delegate = (validator: Address, amount: bigint) => ({ kind: "delegate", validator, amount }) as const
const bond = (name: string, amount: bigint) =>
  ({ kind: "bond", key: keyOf(`consensus ${name}`), proof: "00".repeat(64) as Signature, amount }) as const
const unbond = (validator: Address, lot: number, amount: bigint) =>
  ({ kind: "unbond", validator, lot, amount }) as const

/** Stake by which fees divide without a rest. */
const EVEN = { alice: 1_024n }

function powers(chain: Chain): Readonly<Record<string, bigint>> {
  const { members } = chain.get(committeeAt(chain.get(epochAt)!.committee))!
  const named: Record<string, bigint> = {}
  for (const name of ["alice", "bob", "carol"]) {
    const member = members.find(({ account }) => account === addressFor(name))
    if (member !== undefined) named[name] = member.power
  }
  return named
}

describe("stake", () => {
  it("joins the committee at the end of the epoch, not before", () => {
    const chain = begin({ churn: 10_000 })
    assert.equal(chain.send("bob", bond("bob", 500n)), null)
    assert.deepEqual(powers(chain), { alice: 1_000n })
    const { validatorUpdates } = chain.block([], HOUR)
    assert.deepEqual(validatorUpdates, [{ key: keyOf("consensus bob"), power: 500n }])
    assert.deepEqual(powers(chain), { alice: 1_000n, bob: 500n })
    assert.equal(chain.get(committeeAt(1))!.from, chain.height + 2)
    audit(chain)
  })

  it("gains no more than a tenth of all power in one epoch, and goes on in the next ones", () => {
    const chain = begin()
    chain.send("bob", bond("bob", 500n))
    const seen: bigint[] = []
    for (let hour = 1; hour <= 6; hour++) {
      chain.block([], hour * HOUR)
      seen.push(powers(chain)["bob"] ?? 0n)
    }
    assert.deepEqual(seen, [100n, 210n, 331n, 464n, 500n, 500n])
  })

  it("votes with another key from the second next block on, and the old one never comes back", () => {
    const chain = begin()
    const key = keyOf("another")
    const rotate = (one: typeof key) => ({ kind: "rotate", key: one, proof: "00".repeat(64) as Signature }) as const
    const { validatorUpdates } = chain.block([chain.transaction("alice", rotate(key))])
    assert.deepEqual(validatorUpdates, [
      { key, power: 1_000n },
      { key: keyOf("consensus alice"), power: 0n },
    ])
    assert.equal(chain.get(committeeAt(1))!.from, chain.height + 2)
    assert.equal(chain.send("alice", rotate(keyOf("consensus alice"))), "KEY_IN_USE")
    assert.equal(chain.send("bob", rotate(keyOf("more"))), "VALIDATOR_UNKNOWN")
    audit(chain)
    // What the old key signed while it was the validator's is answered for.
    assert.equal(chain.send("bob", evidence(chain, alice, 0)), null)
    assert.equal(chain.send("alice", rotate(keyOf("more"))), "VALIDATOR_PUNISHED")
    audit(chain)
  })

  it("below the least that a validator must have chooses nobody", () => {
    const chain = begin()
    chain.send("bob", bond("bob", 99n))
    chain.block([], HOUR)
    assert.deepEqual(powers(chain), { alice: 1_000n })
  })

  it("is paid what its tokens earned, from when they count until they do not", () => {
    const chain = begin({ churn: 10_000 }, EVEN)
    chain.send("bob", delegate(alice, 1_024n)) // lot 0: counts from epoch 1
    chain.block([], HOUR) // the fee of 10 is alice's alone
    chain.send("bob", { kind: "transfer", to: carol, amount: 1n })
    chain.send("bob", { kind: "transfer", to: carol, amount: 1n })
    chain.block([], 2 * HOUR) // 20, half of them bob's
    const before = chain.balance("bob")
    assert.equal(chain.send("bob", { kind: "claim", validator: alice, lot: 0 }), null)
    assert.equal(chain.balance("bob") - before, 10n - 10n)
    assert.equal(chain.send("bob", { kind: "claim", validator: alice, lot: 0 }), "NOTHING_EARNED")
    assert.equal(chain.send("alice", { kind: "claim", validator: alice, lot: 0 }), null)
    assert.equal(chain.balance("alice"), 1_000n - 10n + 20n)
    audit(chain)
  })

  it("that leaves is back after the unbonding time from the epoch's end, with what it earned until then", () => {
    const chain = begin({ churn: 10_000 }, EVEN)
    chain.send("bob", delegate(alice, 1_024n))
    chain.block([], HOUR)
    assert.equal(chain.send("bob", unbond(alice, 0, 512n)), null)
    assert.equal(chain.balance("bob"), 10_000n - 1_024n - 20n)
    audit(chain)
    chain.waitUntil(12 * HOUR - 1)
    assert.equal(chain.balance("bob"), 10_000n - 1_024n - 20n)
    audit(chain)
    chain.waitUntil(12 * HOUR)
    // 10 in fees for 2,048 active tokens, 512 of them these: 2.5.
    assert.equal(chain.balance("bob"), 10_000n - 1_024n - 20n + 512n + 2n)
    assert.deepEqual(powers(chain), { alice: 1_536n })
    audit(chain)
  })

  it("never leaves a chain without a validator", () => {
    const chain = begin()
    chain.send("alice", unbond(alice, 0, 1_000n))
    chain.waitUntil(30 * HOUR)
    assert.deepEqual(powers(chain), { alice: 1_000n })
    // Its own fee came back to it, rounded down.
    assert.equal(chain.balance("alice"), 2_000n - 1n)
    chain.send("bob", bond("bob", 500n))
    chain.waitUntil(60 * HOUR)
    assert.deepEqual(powers(chain), { bob: 500n })
    audit(chain)
  })

  it("chooses the validators with the most of it", () => {
    const chain = begin({ committee: 2, churn: 10_000 })
    chain.send("bob", bond("bob", 500n))
    chain.send("carol", bond("carol", 600n))
    chain.waitUntil(HOUR)
    assert.deepEqual(powers(chain), { alice: 1_000n, carol: 600n })
    audit(chain)
  })

  describe("of who is absent", () => {
    const three = () => begin({}, { alice: 1_000n, bob: 1_000n, carol: 1_000n })
    /** Blocks with a transaction in them, a quarter of an hour apart. */
    const absentFor = (chain: Chain, names: readonly string[], until: number) => {
      for (let time = chain.time; time <= until; time += HOUR / 4) {
        chain.block([chain.transaction("carol", { kind: "transfer", to: bob, amount: 1n })], time, names)
      }
    }

    it("loses its power after the downtime, and none of its tokens", () => {
      const chain = three()
      absentFor(chain, ["bob"], 2 * HOUR - 1)
      assert.equal(powers(chain)["bob"], 1_000n)
      absentFor(chain, ["bob"], 2 * HOUR)
      assert.equal(powers(chain)["bob"], undefined)
      assert.equal(chain.get(validatorAt(bob))!.tokens, 1_000n)
      audit(chain)
    })

    it("counts only while it is absent from every block", () => {
      const chain = three()
      absentFor(chain, ["bob"], HOUR)
      absentFor(chain, [], chain.time)
      absentFor(chain, ["bob"], 2.5 * HOUR)
      assert.equal(powers(chain)["bob"], 1_000n)
      audit(chain)
    })

    it("is taken from at most a third of the power in one epoch", () => {
      const chain = three()
      absentFor(chain, ["alice", "bob"], 2 * HOUR)
      assert.equal(Object.keys(powers(chain)).length, 2)
      audit(chain)
    })

    it("comes back when who was jailed asks for it, after its time", () => {
      const chain = three()
      assert.equal(chain.send("bob", { kind: "unjail" }), "NOT_JAILED")
      absentFor(chain, ["bob"], 2 * HOUR)
      assert.equal(chain.send("bob", { kind: "unjail" }), "TIME_NOT_ALLOWED")
      chain.waitUntil(chain.get(validatorAt(bob))!.jailedUntil!)
      assert.equal(chain.send("bob", { kind: "unjail" }), null)
      chain.waitUntil(chain.time + HOUR)
      assert.ok(powers(chain)["bob"]! > 0n)
      audit(chain)
    })
  })

  const failures: readonly (readonly [string, string, Parameters<Chain["send"]>[1]])[] = [
    ["VALIDATOR_EXISTS", "alice", bond("other", 0n)],
    ["KEY_IN_USE", "bob", bond("alice", 0n)],
    ["VALIDATOR_UNKNOWN", "bob", delegate(carol, 5n)],
    ["AMOUNT_ZERO", "bob", delegate(alice, 0n)],
    ["BALANCE_TOO_LOW", "bob", delegate(alice, 9_991n)],
    ["LOT_UNKNOWN", "bob", unbond(alice, 0, 1n)],
    ["LOT_TOO_SMALL", "alice", unbond(alice, 0, 1_001n)],
    ["VALIDATOR_UNKNOWN", "alice", { kind: "claim", validator: bob, lot: 0 }],
  ]
  for (const [code, from, body] of failures) {
    it(`fails with ${code} and changes nothing: ${body.kind}`, () => {
      const chain = begin()
      const paid = chain.balance(from) - 10n
      assert.equal(chain.send(from, body), code)
      assert.equal(chain.balance(from), paid)
      audit(chain)
    })
  }

  it("that leaves already does not leave again", () => {
    const chain = begin()
    chain.send("alice", unbond(alice, 0, 1_000n))
    assert.equal(chain.send("alice", unbond(alice, 0, 1n)), "LOT_LEAVES")
    assert.equal(chain.send("alice", { kind: "claim", validator: alice, lot: 0 }), "LOT_LEAVES")
  })

  it("is held in no more records than an account may have", () => {
    const chain = begin({ recordsMax: 3 })
    for (let i = 0; i < 3; i++) assert.equal(chain.send("bob", delegate(alice, 10n)), null)
    assert.equal(chain.send("bob", delegate(alice, 10n)), "RECORDS_FULL")
    assert.equal(chain.send("bob", unbond(alice, 0, 5n)), "RECORDS_FULL")
    audit(chain)
  })
})
