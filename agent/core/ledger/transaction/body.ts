import { type Address, ADDRESS_BYTES } from "../../../base/address.ts"
import { CONSENSUS_ROUND_MAX, SET_CHANGES_MAX, VALIDATORS_MAX } from "../../../base/network-limits.ts"
import { amount, choice, fixed, flag, list, optional, record, type ValueOf, whole } from "../layout.ts"
import type { Hash, PublicKey, Signature } from "../terms.ts"

/*
 * What a transaction asks for. A kind once numbered keeps its number and its fields: another layout is another kind.
 * What each does: docs/spec/ledger.md#transactions.
 */
const address = fixed<Address>(ADDRESS_BYTES)
const hash = fixed<Hash>(32)

export const publicKey = fixed<PublicKey>(32)
export const signature = fixed<Signature>(64)

/** A lot of stake is named by its owner and the nonce of the transaction that made it. */
const lot = { validator: address, lot: whole() }

/** A validator of an enrolled chain: power 0 leaves. `proof` is by the consensus key, over it and the account. */
const enrolment = record({ account: address, key: publicKey, proof: signature, power: whole() })
const membership = record({ account: address, isMember: flag })

/** `type` 0 prevote, 1 precommit; `value` null is nil; `time` is what its signature is over too. */
const vote = record({
  type: whole(1),
  height: whole(),
  round: whole(CONSENSUS_ROUND_MAX),
  value: optional(hash),
  time: whole(),
  signature,
})

const KINDS = {
  transfer: record({ to: address, amount }),
  /** Registers the sender as a validator with its consensus key; `proof` is by that key, over it and the account. */
  bond: record({ key: publicKey, proof: signature, amount }),
  delegate: record({ validator: address, amount }),
  unbond: record({ ...lot, amount }),
  claim: record(lot),
  unjail: record({}),
  "publish-service": record({ manifest: hash, price: amount, deposit: amount }),
  "retire-service": record({ manifest: hash }),
  /** This account's Core runs the service, until `until` in header time. */
  announce: record({ manifest: hash, bond: amount, until: whole() }),
  withdraw: record({ manifest: hash }),
  "publish-application": record({ application: hash, deposit: amount }),
  "retire-application": record({ application: hash }),
  /** Of an enrolled chain only; `number` counts the changes, so that none is made twice. */
  "change-set": record({
    number: whole(),
    validators: list(enrolment, SET_CHANGES_MAX),
    members: list(membership, SET_CHANGES_MAX),
    approvals: list(record({ key: publicKey, signature }), VALIDATORS_MAX),
  }),
  /** Two votes of one validator that say different things, and where the state says that it was one then. */
  report: record({ validator: address, key: publicKey, epoch: whole(), committee: whole(), first: vote, second: vote }),
  /** Another consensus key of a validator; `proof` as of `bond`. */
  rotate: record({ key: publicKey, proof: signature }),
}

export const body = choice(
  {
    transfer: 0,
    bond: 1,
    delegate: 2,
    unbond: 3,
    claim: 4,
    unjail: 5,
    "publish-service": 6,
    "retire-service": 7,
    announce: 8,
    withdraw: 9,
    "publish-application": 10,
    "retire-application": 11,
    "change-set": 12,
    report: 13,
    rotate: 14,
  },
  KINDS,
)

export type Body = ValueOf<typeof body>
export type BodyKind = Body["kind"]
export type BodyOf<Kind extends BodyKind> = Extract<Body, { readonly kind: Kind }>
