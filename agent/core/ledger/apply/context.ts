import type { Address } from "../../../base/address.ts"
import type { Epoch, Parameters } from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { TimeMs } from "../terms.ts"

/** What a transaction is applied in. `state` keeps what it does until it has succeeded. */
export interface Context {
  readonly state: State
  readonly parameters: Parameters
  readonly epoch: Epoch
  readonly time: TimeMs
  readonly height: number
  readonly sender: Address
  readonly nonce: number
}

/** Why a transaction that pays its fee does nothing else: docs/spec/ledger.md#failures. */
export type Failure =
  | "UNDECLARED_TOUCH"
  | "BALANCE_TOO_LOW"
  | "AMOUNT_ZERO"
  | "NOT_ON_THIS_CHAIN"
  | "RECORDS_FULL"
  | "VALIDATOR_EXISTS"
  | "VALIDATOR_UNKNOWN"
  | "KEY_IN_USE"
  | "LOT_UNKNOWN"
  | "LOT_LEAVES"
  | "LOT_TOO_SMALL"
  | "NOTHING_EARNED"
  | "NOT_JAILED"
  | "EVIDENCE_INVALID"
  | "EVIDENCE_OLD"
  | "VALIDATOR_PUNISHED"
  | "SLASH_PENDING"
  | "SERVICE_UNKNOWN"
  | "SERVICE_RETIRED"
  | "NOT_THE_DEVELOPER"
  | "DEPOSIT_TOO_LOW"
  | "BOND_TOO_LOW"
  | "TIME_NOT_ALLOWED"
  | "NOT_ANNOUNCED"
  | "APPLICATION_EXISTS"
  | "APPLICATION_UNKNOWN"
  | "CHANGE_OUT_OF_ORDER"
  | "NO_QUORUM"
  | "SET_NOT_ALLOWED"
