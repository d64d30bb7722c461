import { AMOUNT_MAX } from "../../../base/amount.ts"
import { type Address, ADDRESS_BYTES } from "../../../base/address.ts"
import {
  LEDGER_PERIOD_MS_MAX,
  RATE_BURST_MAX,
  STATE_KEY_BYTES_MAX,
  VALIDATORS_MAX,
} from "../../../base/network-limits.ts"
import { amount, big, fixed, flag, type Layout, list, optional, record, text, type ValueOf, whole } from "../layout.ts"
import type { Hash, PublicKey, TimeMs } from "../terms.ts"

/*
 * What the state holds, and under which names. Numbers in names are padded, so that names sort as what they say.
 * docs/spec/ledger.md#records
 */
const address = fixed<Address>(ADDRESS_BYTES)
const publicKey = fixed<PublicKey>(32)
/** Tokens paid for each staked token since the beginning, times 2^64. */
const index = big(2n ** 256n - 1n)

const period = whole(LEDGER_PERIOD_MS_MAX)

/** What may differ from chain to chain. Times are milliseconds of header time, shares ten-thousandths. */
export const parameters = record({
  isEnrolled: flag,
  feeBase: amount,
  feePerByte: amount,
  committee: whole(VALIDATORS_MAX),
  stakeMin: amount,
  churn: whole(10_000),
  epochMs: period,
  unbondingMs: period,
  evidenceMs: period,
  trustingMs: period,
  downtimeMs: period,
  jailMs: period,
  slash: whole(9_999),
  reportShare: whole(10_000),
  deposit: amount,
  marketBond: amount,
  announcementMs: period,
  rateMs: period,
  rateBurst: whole(RATE_BURST_MAX),
  recordsMax: whole(),
})

/** Where all tokens are; their sum is `minted`. */
const totals = record({
  minted: amount,
  accounts: amount,
  staked: amount,
  bonds: amount,
  deposits: amount,
  pot: amount,
  burned: amount,
})

/** `fees` of this epoch, `jailed` power of it, the number of the committee that stands. */
const epoch = record({ number: whole(), ends: whole(), fees: amount, jailed: amount, committee: whole() })

/** `busyUntil` is when an account that pays no fees has its whole rate again. */
const account = record({ nonce: whole(), balance: amount, records: whole(), busyUntil: whole() })

/**
 * `tokens` are those of its lots that do not leave; `active` those that earn in this epoch, `power` its votes in it.
 * `index` is as of the last epoch's end. `fault` is the epoch in which it signed two things: it never comes back.
 */
const validator = record({
  key: publicKey,
  tokens: amount,
  active: amount,
  power: amount,
  index,
  jailedUntil: optional(whole()),
  fault: optional(whole()),
})

/**
 * Stake of one owner with one validator, active in the epochs from `from` to before `until`. `index` and `end` are the
 * validator's at the two; null where the mark of that epoch says it.
 */
const lot = record({
  tokens: amount,
  from: whole(),
  index: optional(index),
  until: optional(whole()),
  end: optional(index),
})

/** A validator's index at an epoch's beginning, for the lots that join or leave then; null until it begins. */
const mark = record({ reached: optional(record({ index, time: whole() })), lots: whole() })

const member = record({ account: address, key: publicKey, power: amount })
/** By ascending consensus address. */
export const committeeMembers = list(member, VALIDATORS_MAX)
/** Who decides from height `from` on. */
const committee = record({ from: whole(), members: committeeMembers })
/** Since when validators were absent from every block. */
const absent = list(record({ account: address, since: whole() }), VALIDATORS_MAX)

/** A slash under way: of all lots that stood in `epoch`, those up to the name `after` are done. */
const slash = record({ epoch: whole(), reporter: address, after: text(STATE_KEY_BYTES_MAX) })

const service = record({
  developer: address,
  price: amount,
  deposit: amount,
  running: whole(),
  isRetired: flag,
})
/** `isLeaving`: it no longer runs the service, and has its bond back when that is due. */
const announcement = record({ bond: amount, until: whole(), isLeaving: flag, due: whole() })
const application = record({ developer: address, deposit: amount })

/** A record that says no more than that it is there. */
const present = record({})

export type Parameters = ValueOf<typeof parameters>
export type Totals = ValueOf<typeof totals>
export type Epoch = ValueOf<typeof epoch>
export type Account = ValueOf<typeof account>
export type Validator = ValueOf<typeof validator>
export type Lot = ValueOf<typeof lot>
export type Service = ValueOf<typeof service>
export type Committee = ValueOf<typeof committee>
export type CommitteeMember = ValueOf<typeof member>

/** Where a record is, and how its bytes are read. */
export interface Place<Value> {
  readonly name: string
  readonly layout: Layout<Value>
}

const padded = (number: number) => String(number).padStart(16, "0")

export const parametersAt: Place<Parameters> = { name: "chain/parameters", layout: parameters }
export const totalsAt: Place<Totals> = { name: "chain/totals", layout: totals }
export const epochAt: Place<Epoch> = { name: "chain/epoch", layout: epoch }
export const absentAt: Place<ValueOf<typeof absent>> = { name: "chain/absent", layout: absent }
/** How often an enrolled set was changed. */
export const setNumberAt: Place<number> = { name: "chain/set", layout: whole() }

export const accountAt = (address: Address): Place<Account> => ({ name: `account/${address}`, layout: account })
export const memberAt = (address: Address): Place<object> => ({ name: `member/${address}`, layout: present })

export const VALIDATORS = "validator/"
export const validatorAt = (address: Address): Place<Validator> => ({
  name: `${VALIDATORS}${address}`,
  layout: validator,
})

/** Whose consensus key it is, by the key's own address. */
export const keyAt = (consensus: Address): Place<Address> => ({ name: `key/${consensus}`, layout: address })

export const lotAt = (of: Address, owner: Address, number: number): Place<Lot> => ({
  name: `lot/${of}/${owner}/${padded(number)}`,
  layout: lot,
})

/** @param name one that `lotAt` made */
export function readLot(name: string): Place<Lot> {
  return { name, layout: lot }
}

export const markAt = (of: Address, epoch: number): Place<ValueOf<typeof mark>> => ({
  name: `mark/${of}/${padded(epoch)}`,
  layout: mark,
})

/** Validators that may be chosen, by falling stake; of equals the lower address first. */
export const RANKS = "rank/"
export const rankAt = (tokens: bigint, of: Address): Place<object> => ({
  name: `${RANKS}${(AMOUNT_MAX - tokens).toString(16).padStart(24, "0")}/${of}`,
  layout: present,
})

export const COMMITTEES = "committee/"
export const committeeAt = (number: number): Place<Committee> => ({
  name: `${COMMITTEES}${padded(number)}`,
  layout: committee,
})

/** The first height of an epoch: from there on its committee decides. */
export const BEGUN = "begun/"
export const begunAt = (epoch: number): Place<number> => ({ name: `${BEGUN}${padded(epoch)}`, layout: whole() })

export const slashAt = (of: Address): Place<ValueOf<typeof slash>> => ({ name: `slash/${of}`, layout: slash })
export const lotsOf = (of: Address): string => `lot/${of}/`
export const lotsBy = (of: Address, owner: Address): string => `${lotsOf(of)}${owner}/`

export const SERVICES = "service/"
export const serviceAt = (manifest: Hash): Place<Service> => readService(`${SERVICES}${manifest}`)

/** @param name one that `serviceAt` made */
export function readService(name: string): Place<Service> {
  return { name, layout: service }
}

export const announcementAt = (manifest: Hash, by: Address): Place<ValueOf<typeof announcement>> => ({
  name: `announcement/${manifest}/${by}`,
  layout: announcement,
})

export const applicationAt = (hash: Hash): Place<ValueOf<typeof application>> => ({
  name: `application/${hash}`,
  layout: application,
})

/** What falls due: the time, then the name of the record that it concerns. */
export const DUES = "due/"
export const dueAt = (time: TimeMs, name: string): Place<object> => ({
  name: `${DUES}${padded(time)}/${name}`,
  layout: present,
})

/** @returns the two parts of a name that `dueAt` made */
export function readDue(name: string): { readonly time: TimeMs; readonly name: string } {
  const [, time, ...rest] = name.split("/")
  return { time: Number(time), name: rest.join("/") }
}
