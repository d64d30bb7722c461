import fc from "fast-check"
import { AMOUNT_MAX } from "../../../agent/base/amount.ts"
import type { Address } from "../../../agent/base/address.ts"
import { type ChainId, type Hash, type PublicKey, type Signature } from "../../../agent/core/ledger/terms.ts"
import type { Body, BodyOf } from "../../../agent/core/ledger/transaction/body.ts"
import type { Transaction } from "../../../agent/core/ledger/transaction/transaction.ts"

const hex = <Name extends string>(bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => value.toHex() as Name)
const address = hex<Address>(20)
const hash = hex<Hash>(32)
const key = hex<PublicKey>(32)
const signature = hex<Signature>(64)
const whole = fc.maxSafeNat()
const amount = fc.oneof(fc.bigInt({ min: 0n, max: AMOUNT_MAX }), fc.bigInt({ min: 0n, max: 300n }))

type Fields<One extends Body> = { readonly [Name in Exclude<keyof One, "kind">]: fc.Arbitrary<One[Name]> }
const of = <Kind extends Body["kind"]>(kind: Kind, fields: Fields<BodyOf<Kind>>): fc.Arbitrary<Body> =>
  fc.record({ kind: fc.constant(kind), ...fields }, { noNullPrototype: true }) as unknown as fc.Arbitrary<Body>

const lot = { validator: address, lot: whole }
const enrolment = fc.record({ account: address, key, proof: signature, power: whole }, { noNullPrototype: true })

const vote = fc.record(
  {
    type: fc.nat(1),
    height: whole,
    round: fc.nat(2 ** 31 - 1),
    value: fc.option(hash),
    time: whole,
    signature,
  },
  { noNullPrototype: true },
)

export const anyBody: Readonly<Record<Body["kind"], fc.Arbitrary<Body>>> = {
  transfer: of("transfer", { to: address, amount }),
  bond: of("bond", { key, proof: signature, amount }),
  rotate: of("rotate", { key, proof: signature }),
  delegate: of("delegate", { validator: address, amount }),
  unbond: of("unbond", { ...lot, amount }),
  claim: of("claim", lot),
  unjail: of("unjail", {}),
  "publish-service": of("publish-service", { manifest: hash, price: amount, deposit: amount }),
  "retire-service": of("retire-service", { manifest: hash }),
  announce: of("announce", { manifest: hash, bond: amount, until: whole }),
  withdraw: of("withdraw", { manifest: hash }),
  "publish-application": of("publish-application", { application: hash, deposit: amount }),
  "retire-application": of("retire-application", { application: hash }),
  "change-set": of("change-set", {
    number: whole,
    validators: fc.array(enrolment, { maxLength: 3 }),
    members: fc.array(fc.record({ account: address, isMember: fc.boolean() }, { noNullPrototype: true }), {
      maxLength: 3,
    }),
    approvals: fc.array(fc.record({ key, signature }, { noNullPrototype: true }), { maxLength: 3 }),
  }),
  report: of("report", { validator: address, key, epoch: whole, committee: whole, first: vote, second: vote }),
}

const touches = fc
  .uniqueArray(fc.stringMatching(/^[a-z\d/-]{1,40}$/), { maxLength: 5 })
  .map((names) => names.toSorted())

export const anyTransaction: fc.Arbitrary<Transaction> = fc
  .record({
    chain: hex<ChainId>(32),
    from: key,
    nonce: whole,
    feeLimit: amount,
    payer: fc.option(fc.tuple(key, signature)),
    validUntil: whole,
    touches,
    body: fc.oneof(...Object.values(anyBody)),
    signature,
  })
  .filter(({ from, payer }) => payer?.[0] !== from)
  .map(({ payer, signature: own, ...unsigned }) => ({
    unsigned: { version: 1, ...unsigned, payer: payer?.[0] ?? null },
    signature: own,
    payerSignature: payer?.[1] ?? null,
  }))
