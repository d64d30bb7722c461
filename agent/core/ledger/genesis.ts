import { type Address, addressOf, ADDRESS_BYTES } from "../../base/address.ts"
import { AMOUNT_MAX } from "../../base/amount.ts"
import { fromHex, toHex } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import {
  CHAIN_NAME_BYTES_MAX,
  GENESIS_ACCOUNTS_MAX,
  GENESIS_TIME_MAX,
  VALIDATORS_MAX,
} from "../../base/network-limits.ts"
import { consensusAddress } from "./apply/committee.ts"
import { putRank } from "./apply/ranks.ts"
import { decode, encode, fixed, list, optional, record, refined, text, type ValueOf, whole, amount } from "./layout.ts"
import {
  accountAt,
  begunAt,
  committeeAt,
  epochAt,
  keyAt,
  lotAt,
  memberAt,
  parameters,
  parametersAt,
  setNumberAt,
  totalsAt,
  type Validator,
  validatorAt,
} from "./state/records.ts"
import { State, type View } from "./state/state.ts"
import type { ChainId, Hash } from "./terms.ts"
import { publicKey, signature } from "./transaction/body.ts"
import { possessionMessage, type Signed } from "./transaction/signatures.ts"

const address = fixed<Address>(ADDRESS_BYTES)
/** What proofs of a genesis are over: its chain has no id before it. */
const NO_CHAIN = "0".repeat(64) as ChainId

/** H1: how a chain begins. `stake` is the power where the set is enrolled. `parent`: the chain that it goes on from. */
const genesis = record({
  version: refined(whole(), (value) => value === 1),
  name: text(CHAIN_NAME_BYTES_MAX),
  time: whole(GENESIS_TIME_MAX),
  parameters,
  accounts: list(record({ address, balance: amount }), GENESIS_ACCOUNTS_MAX),
  validators: list(record({ account: address, key: publicKey, proof: signature, stake: amount }), VALIDATORS_MAX),
  members: list(address, GENESIS_ACCOUNTS_MAX),
  parent: optional(record({ chain: fixed<ChainId>(32), appHash: fixed<Hash>(32) })),
})

export type Genesis = ValueOf<typeof genesis>

/** Why no chain can begin so: docs/spec/ledger.md#genesis. */
export type GenesisFault =
  | "TIMES_NOT_ALLOWED"
  | "VALIDATORS_NOT_ALLOWED"
  | "STAKE_NOT_ALLOWED"
  | "NAMED_TWICE"
  | "SUPPLY_TOO_LARGE"
  | "FEES_NOT_ALLOWED"

export function encodeGenesis(document: Genesis): Uint8Array {
  return encode(genesis, document)
}

/** Total: any bytes. @returns null where they are no genesis document */
export function readGenesis(bytes: Uint8Array): Genesis | null {
  return decode(genesis, bytes)
}

export function chainIdOf(document: Genesis): ChainId {
  return toHex(sha256(encodeGenesis(document))) as ChainId
}

/** H2: every validator shows that it holds its key. */
export function signaturesOfGenesis({ validators }: Genesis): readonly Signed[] {
  return validators.map(({ account, key, proof }) => ({
    key,
    message: possessionMessage(NO_CHAIN, key, account),
    signature: proof,
  }))
}

/** H3 */
export function genesisFault({ parameters, accounts, validators, members }: Genesis): GenesisFault | null {
  const { trustingMs, epochMs, unbondingMs, evidenceMs, announcementMs, isEnrolled } = parameters
  const hasTimes = epochMs > 0 && announcementMs > 0 && trustingMs + epochMs < unbondingMs && unbondingMs <= evidenceMs
  if (!hasTimes) return "TIMES_NOT_ALLOWED"
  if (validators.length === 0 || validators.length > parameters.committee) return "VALIDATORS_NOT_ALLOWED"
  const stakeMin = isEnrolled || parameters.stakeMin === 0n ? 1n : parameters.stakeMin
  if (validators.some(({ stake }) => stake < stakeMin)) return "STAKE_NOT_ALLOWED"
  const lists = [accounts.map((one) => one.address), validators.map((one) => one.account), members]
  if ([...lists, validators.map(({ key }) => key)].some(hasTwice)) return "NAMED_TWICE"
  if (supplyOf(accounts, isEnrolled ? [] : validators) > AMOUNT_MAX) return "SUPPLY_TOO_LARGE"
  const isFree = parameters.feeBase === 0n && parameters.feePerByte === 0n
  // Where nobody pays, the rate is all that holds a member back; where anybody may send, it is the fee.
  const isHeld = isEnrolled ? isFree && parameters.rateMs > 0 && parameters.rateBurst > 0 : !isFree
  return isHeld ? null : "FEES_NOT_ALLOWED"
}

/** H4: the state before the first block. @param document one without a fault */
export function genesisState(document: Genesis): ReturnType<State["close"]> {
  const { accounts, validators, members, time } = document
  const { isEnrolled, epochMs } = document.parameters
  const state = State.over(NOTHING)
  const staked = isEnrolled ? [] : validators
  const ofStake = supplyOf([], staked)
  const minted = supplyOf(accounts, staked)
  state.put(parametersAt, document.parameters)
  state.put(totalsAt, {
    ...{ minted, accounts: minted - ofStake, staked: ofStake },
    ...{ bonds: 0n, deposits: 0n, pot: 0n, burned: 0n },
  })
  state.put(epochAt, { number: 0, ends: time + epochMs, fees: 0n, jailed: 0n, committee: 0 })
  const empty = { nonce: 0, balance: 0n, records: 0, busyUntil: 0 }
  for (const { address, balance } of accounts) state.put(accountAt(address), { ...empty, balance })
  for (const one of members) state.put(memberAt(one), {})
  for (const { account, key, stake } of validators) {
    const tokens = isEnrolled ? 0n : stake
    const validator: Validator = {
      key,
      tokens,
      active: tokens,
      power: stake,
      index: 0n,
      jailedUntil: null,
      fault: null,
    }
    state.put(validatorAt(account), validator)
    state.put(keyAt(addressOf(fromHex(key)!)), account)
    putRank(state, account, validator)
    if (isEnrolled) state.put(memberAt(account), {})
    else state.put(lotAt(account, account, 0), { tokens, from: 0, index: 0n, until: null, end: null })
    // The lot has the name of one that its first transaction would make: that one is counted as used.
    const known = state.get(accountAt(account)) ?? empty
    state.put(accountAt(account), { ...known, nonce: 1, records: isEnrolled ? 0 : 2 })
  }
  if (isEnrolled) state.put(setNumberAt, 0)
  else state.put(begunAt(0), 0)
  const committee = validators.map(({ account, key, stake }) => ({ account, key, power: stake }))
  state.put(committeeAt(0), {
    from: 0,
    members: committee.sort((a, b) => (consensusAddress(a.key) < consensusAddress(b.key) ? -1 : 1)),
  })
  return state.close()
}

const NOTHING: View = { record: () => null, node: () => null, next: () => null }

function supplyOf(
  accounts: readonly { readonly balance: bigint }[],
  validators: readonly { readonly stake: bigint }[],
): bigint {
  const inAccounts = accounts.reduce((sum, { balance }) => sum + balance, 0n)
  return validators.reduce((sum, { stake }) => sum + stake, inAccounts)
}

function hasTwice(names: readonly string[]): boolean {
  return new Set(names).size < names.length
}
