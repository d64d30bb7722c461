import type { Address } from "../../base/address.ts"
import { toHex } from "../../base/bytes.ts"
import { VALIDATORS_MAX } from "../../base/network-limits.ts"
import { type Genesis, signaturesOfGenesis } from "./genesis.ts"
import type { Parameters } from "./state/records.ts"
import type { Amount, PublicKey, Signature, TimeMs } from "./terms.ts"

/* Chains that one Core begins: docs/spec/chain.md#founding */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const PERIODS = {
  committee: 32,
  churn: 1_000,
  epochMs: HOUR,
  unbondingMs: 21 * DAY,
  evidenceMs: 21 * DAY,
  trustingMs: 14 * DAY,
  downtimeMs: DAY,
  jailMs: HOUR,
  slash: 500,
  reportShare: 500,
  announcementMs: DAY,
} as const

/** Members alone, who pay nothing: power is given to validators, and a rate holds everybody back. */
export const FLEET: Parameters = {
  ...PERIODS,
  isEnrolled: true,
  committee: VALIDATORS_MAX,
  feeBase: 0n,
  feePerByte: 0n,
  stakeMin: 0n,
  deposit: 0n,
  marketBond: 0n,
  rateMs: 10,
  rateBurst: 1_000,
  recordsMax: 10_000,
}

/** Anybody, for a fee: power is stake. Amounts are base units, a million to a token. */
export const STAKED: Parameters = {
  ...PERIODS,
  isEnrolled: false,
  feeBase: 1_000n,
  feePerByte: 10n,
  stakeMin: 1_000_000n,
  deposit: 1_000_000n,
  marketBond: 1_000_000n,
  rateMs: 0,
  rateBurst: 0,
  recordsMax: 1_000,
}

export interface Founding {
  readonly name: string
  /** The chain's first time. */
  readonly time: TimeMs
  readonly account: Address
  /** The consensus key of the founder. */
  readonly key: PublicKey
  sign(message: Uint8Array): Uint8Array
  /** What the founder has, and of it what is staked; null for a fleet. */
  readonly tokens: { readonly balance: Amount; readonly stake: Amount } | null
}

/** @returns how a chain begins that has one validator */
export function foundingDocument({ name, time, account, key, sign, tokens }: Founding): Genesis {
  const unsigned: Genesis = {
    version: 1,
    name,
    time,
    parameters: tokens === null ? FLEET : STAKED,
    accounts: tokens === null ? [] : [{ address: account, balance: tokens.balance }],
    validators: [{ account, key, proof: "" as Signature, stake: tokens?.stake ?? 1n }],
    members: [],
    parent: null,
  }
  const [possession] = signaturesOfGenesis(unsigned)
  const proof = toHex(sign(possession!.message)) as Signature
  return { ...unsigned, validators: unsigned.validators.map((one) => ({ ...one, proof })) }
}
