import assert from "node:assert/strict"
import { AMOUNT_MAX } from "../../../../agent/base/amount.ts"
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import { fromHex } from "../../../../agent/base/bytes.ts"
import { GENESIS_TIME_MAX, LEDGER_PERIOD_MS_MAX } from "../../../../agent/base/network-limits.ts"
import {
  chainIdOf,
  encodeGenesis,
  type Genesis,
  genesisFault,
  genesisState,
  readGenesis,
  signaturesOfGenesis,
} from "../../../../agent/core/ledger/genesis.ts"
import type { PublicKey, Signature } from "../../../../agent/core/ledger/terms.ts"
import { possessionMessage } from "../../../../agent/core/ledger/transaction/signatures.ts"
import { verifySignature } from "../../../../agent/io/keys/verify.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { addressFor, Chain, genesisOf, HOUR } from "../../../support/ledger/chain.ts"

const whole = genesisOf({}, { bob: 500n, carol: 1n }, { alice: 1_000n, bob: 300n })
const fleet = genesisOf({ isEnrolled: true, feeBase: 0n, rateMs: 1, rateBurst: 1 }, {}, { alice: 1n }, ["bob"])
const changed = (change: Partial<Genesis["parameters"]>, of = whole): Genesis => ({
  ...of,
  parameters: { ...of.parameters, ...change },
})
const validator = whole.validators[0]!

describe("a genesis document", () => {
  it("has one encoding, whose hash is the chain's id", () => {
    assert.deepEqual(readGenesis(encodeGenesis(whole)), whole)
    assert.equal(chainIdOf(whole), "99e816d2e2a23f37927f39fb0d81d61ac5352fa5af7f12e40a4485877f61ec06")
    assert.notEqual(chainIdOf(whole), chainIdOf({ ...whole, name: "another" }))
    assert.equal(readGenesis(encodeGenesis({ ...whole, version: 2 })), null)
    assert.equal(readGenesis(encodeGenesis(whole).subarray(1)), null)
  })

  it("has no period so long that a sum of times would be no whole number", () => {
    const longest = changed({ epochMs: LEDGER_PERIOD_MS_MAX, unbondingMs: LEDGER_PERIOD_MS_MAX })
    assert.notEqual(readGenesis(encodeGenesis(longest)), null)
    for (const name of ["epochMs", "evidenceMs", "announcementMs", "jailMs", "rateMs"]) {
      assert.equal(readGenesis(encodeGenesis(changed({ [name]: LEDGER_PERIOD_MS_MAX + 1 }))), null, name)
    }
    assert.equal(readGenesis(encodeGenesis({ ...whole, time: GENESIS_TIME_MAX + 1 })), null)
    assert.ok(Number.isSafeInteger(GENESIS_TIME_MAX + 3 * LEDGER_PERIOD_MS_MAX))
  })

  it("is a state in which every token is somewhere, staked or enrolled", () => {
    for (const document of [whole, fleet]) audit(new Chain(document))
    assert.equal(
      Buffer.from(genesisState(whole).tree.root).toString("hex"),
      "807c326b680a63c5fc5d9643c699ee5347992de8b1d4a21800f8649eaeeabffd",
    )
  })

  it("lets its validators go on: their stake leaves like any other", () => {
    const chain = new Chain(whole)
    const body = { kind: "unbond", validator: addressFor("bob"), lot: 0, amount: 300n } as const
    assert.equal(chain.send("bob", body), null)
    chain.waitUntil(20 * HOUR)
    // Its part of the fee of 10: 300 of 1,300 votes.
    assert.equal(chain.balance("bob"), 500n + 300n - 10n + 1n)
    audit(chain)
  })

  const faults: readonly (readonly [string, string, Genesis])[] = [
    ["TIMES_NOT_ALLOWED", "trust that outlasts the unbonding", changed({ trustingMs: 9 * HOUR })],
    ["TIMES_NOT_ALLOWED", "evidence that expires before the stake is gone", changed({ evidenceMs: 10 * HOUR - 1 })],
    ["TIMES_NOT_ALLOWED", "epochs without length", changed({ epochMs: 0 })],
    ["VALIDATORS_NOT_ALLOWED", "no validator", { ...whole, validators: [] }],
    ["VALIDATORS_NOT_ALLOWED", "more than a committee holds", changed({ committee: 1 })],
    ["STAKE_NOT_ALLOWED", "less than the least stake", changed({ stakeMin: 301n })],
    ["STAKE_NOT_ALLOWED", "a validator without power", { ...fleet, validators: [{ ...validator, stake: 0n }] }],
    ["NAMED_TWICE", "an account twice", { ...whole, accounts: [...whole.accounts, whole.accounts[0]!] }],
    ["NAMED_TWICE", "a key twice", { ...whole, validators: [validator, { ...validator, account: addressFor("x") }] }],
    ["NAMED_TWICE", "a member twice", { ...fleet, members: [...fleet.members, ...fleet.members] }],
    ["SUPPLY_TOO_LARGE", "more than there may be", genesisOf({}, { bob: AMOUNT_MAX }, { alice: 100n })],
    ["FEES_NOT_ALLOWED", "no fees where anybody may send", changed({ feeBase: 0n })],
    ["FEES_NOT_ALLOWED", "fees in a fleet", changed({ feeBase: 1n }, fleet)],
    ["FEES_NOT_ALLOWED", "neither fees nor a rate", changed({ rateMs: 0 }, fleet)],
  ]
  for (const [code, name, document] of faults) {
    it(`is refused with ${code}: ${name}`, () => assert.equal(genesisFault(document), code))
  }

  it("with no fault has none", () => {
    for (const document of [whole, fleet]) assert.equal(genesisFault(document), null)
  })

  it("shows that each validator holds its key, for its own account", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519")
    const key = rawKey(publicKey)
    const zero = "0".repeat(64) as Parameters<typeof possessionMessage>[0]
    const proof = sign(null, possessionMessage(zero, key, validator.account), privateKey).toString("hex") as Signature
    const document = { ...whole, validators: [{ ...validator, key, proof }] }
    const isGood = (one: Genesis) =>
      signaturesOfGenesis(one).every(({ key, message, signature }) =>
        verifySignature(fromHex(key)!, message, fromHex(signature)!),
      )
    assert.ok(isGood(document))
    assert.ok(!isGood({ ...document, validators: [{ ...validator, key, proof, account: addressFor("thief") }] }))
    assert.ok(!isGood(whole))
  })
})

function rawKey(key: KeyObject): PublicKey {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("hex") as PublicKey
}
