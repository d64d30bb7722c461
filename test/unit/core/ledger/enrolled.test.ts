import assert from "node:assert/strict"
import { committeeAt, epochAt } from "../../../../agent/core/ledger/state/records.ts"
import type { Signature } from "../../../../agent/core/ledger/terms.ts"
import type { BodyOf } from "../../../../agent/core/ledger/transaction/body.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { addressFor, Chain, genesisOf, hashOf, HOUR, keyOf } from "../../../support/ledger/chain.ts"

const FLEET = { isEnrolled: true, feeBase: 0n, deposit: 0n, marketBond: 0n, rateMs: 1_000, rateBurst: 3, committee: 5 }
const signature = "00".repeat(64) as Signature
const begin = (validators: Readonly<Record<string, bigint>> = { alice: 1n }) =>
  new Chain(genesisOf(FLEET, {}, validators, ["bob"]))

type Change = BodyOf<"change-set">
const change = (
  number: number,
  powers: Readonly<Record<string, number>>,
  approvedBy: readonly string[],
  members: Readonly<Record<string, boolean>> = {},
): Change => ({
  kind: "change-set",
  number,
  validators: Object.entries(powers).map(([name, power]) => ({
    account: addressFor(name),
    key: keyOf(`consensus ${name}`),
    proof: signature,
    power,
  })),
  members: Object.entries(members).map(([name, isMember]) => ({ account: addressFor(name), isMember })),
  approvals: approvedBy.map((name) => ({ key: keyOf(`consensus ${name}`), signature })),
})
const size = (chain: Chain) => chain.get(committeeAt(chain.get(epochAt)!.committee))!.members.length
const publish = (name: string) => ({ kind: "publish-service", manifest: hashOf(name), price: 0n, deposit: 0n }) as const

describe("an enrolled chain", () => {
  it("grows from one to four in one step", () => {
    const chain = begin()
    const body = change(0, { bob: 1, carol: 1, dave: 1 }, ["alice"])
    const { receipts, validatorUpdates } = chain.block([chain.transaction("alice", body)])
    assert.deepEqual([receipts[0]!.failure, validatorUpdates.length, size(chain)], [null, 3, 4])
    audit(chain)
    assert.equal(chain.send("dave", publish("by a new one")), null)
  })

  it("changes with more than two thirds of the power, and once", () => {
    const chain = begin({ alice: 1n, bob: 1n, carol: 1n })
    assert.equal(chain.send("alice", change(0, { dave: 1 }, ["alice", "bob"])), "NO_QUORUM")
    assert.equal(chain.send("alice", change(0, { dave: 1 }, ["alice", "alice", "bob", "dave"])), "NO_QUORUM")
    assert.equal(chain.send("alice", change(0, { dave: 1 }, ["alice", "bob", "carol"])), null)
    chain.time += HOUR / 2
    assert.equal(chain.send("alice", change(0, { dave: 0 }, ["alice", "bob", "carol"])), "CHANGE_OUT_OF_ORDER")
    assert.equal(chain.send("alice", change(1, { dave: 0 }, ["alice", "bob", "carol"])), null)
    assert.equal(size(chain), 3)
    audit(chain)
  })

  const failures: readonly (readonly [string, Change])[] = [
    ["SET_NOT_ALLOWED", change(0, { alice: 0 }, ["alice"])],
    ["SET_NOT_ALLOWED", change(0, { b: 1, c: 1, d: 1, e: 1, f: 1 }, ["alice"])],
    ["SET_NOT_ALLOWED", change(0, { bob: 1 }, ["alice"], { bob: false })],
    ["VALIDATOR_UNKNOWN", change(0, { dave: 0 }, ["alice"])],
    [
      "KEY_IN_USE",
      {
        ...change(0, {}, ["alice"]),
        validators: [{ account: addressFor("bob"), key: keyOf("consensus alice"), proof: signature, power: 1 }],
      },
    ],
  ]
  for (const [code, body] of failures) {
    it(`fails with ${code} and changes nothing: ${body.validators.length} named`, () => {
      const chain = begin()
      assert.equal(chain.send("alice", body), code)
      assert.equal(size(chain), 1)
      audit(chain)
    })
  }

  it("takes transactions of its members only", () => {
    const chain = begin()
    assert.deepEqual(chain.try([chain.transaction("carol", publish("a"))]), { ok: false, at: 0, code: "NOT_ENROLLED" })
    assert.equal(chain.send("alice", change(0, {}, ["alice"], { carol: true, bob: false })), null)
    assert.equal(chain.send("carol", publish("a")), null)
    assert.deepEqual(chain.try([chain.transaction("bob", publish("b"))]), { ok: false, at: 0, code: "NOT_ENROLLED" })
    audit(chain)
  })

  it("takes so many of a member at once, and one more in each while", () => {
    const chain = begin()
    for (const name of ["a", "b", "c"]) assert.equal(chain.send("bob", publish(name)), null)
    const more = () => chain.try([chain.transaction("bob", publish("d"))])
    assert.deepEqual(more(), { ok: false, at: 0, code: "RATE_EXCEEDED" })
    chain.time += 999
    assert.equal(more().ok, false)
    chain.time += 1
    assert.equal(chain.send("bob", publish("d")), null)
    assert.equal(more().ok, false)
    chain.time += 60_000
    for (const name of ["e", "f", "g"]) assert.equal(chain.send("bob", publish(name)), null)
    assert.equal(more().ok, false)
    audit(chain)
  })

  it("knows no stake and jails nobody, and a staked one knows no such change", () => {
    const chain = begin({ alice: 1n, bob: 1n, carol: 1n, dave: 1n })
    assert.equal(chain.send("bob", { kind: "unjail" }), "NOT_ON_THIS_CHAIN")
    for (let hour = 0; hour < 5; hour++) {
      chain.block([chain.transaction("alice", publish(`${hour}`))], hour * HOUR, ["dave"])
    }
    assert.equal(size(chain), 4)
    audit(chain)
    const staked = new Chain(genesisOf({}, { bob: 100n }, { alice: 100n }))
    assert.equal(staked.send("bob", change(0, { bob: 1 }, ["alice"])), "NOT_ON_THIS_CHAIN")
  })
})
