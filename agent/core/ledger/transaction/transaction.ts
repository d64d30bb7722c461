import { addressOf, type Address } from "../../../base/address.ts"
import { fromHex, toHex } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { STATE_KEY_BYTES_MAX, TOUCHES_MAX, TRANSACTION_BYTES_MAX } from "../../../base/network-limits.ts"
import { amount, decode, encode, fixed, list, optional, record, refined, text, type ValueOf, whole } from "../layout.ts"
import type { ChainId, PublicKey, TransactionId } from "../terms.ts"
import { body, publicKey, signature } from "./body.ts"

const VERSION = 1

const version = refined(whole(), (value) => value === VERSION)
/** Names of records are of these letters only: their order is that of their bytes. */
const touch = refined(text(STATE_KEY_BYTES_MAX), isRecordName)
const touches = refined(list(touch, TOUCHES_MAX), isAscending)

/** X1: everything but the signatures. */
const unsigned = record({
  version,
  chain: fixed<ChainId>(32),
  from: publicKey,
  nonce: whole(),
  feeLimit: amount,
  payer: optional(publicKey),
  validUntil: whole(),
  touches,
  body,
})

/** X2: what is signed, then the sender's signature and, where somebody else pays, the payer's. */
const signed = refined(
  record({ unsigned, signature, payerSignature: optional(signature) }),
  ({ unsigned: { from, payer }, payerSignature }) => payer !== from && (payer === null) === (payerSignature === null),
)

/**
 * `from` and `payer` are account keys, `nonce` counts the sender's transactions from 0, `validUntil` is header time,
 * `touches` the records it may read and write beside those that are its own, ascending and each once.
 */
export type UnsignedTransaction = ValueOf<typeof unsigned>
export type Transaction = ValueOf<typeof signed>

/** A transaction with what follows from its bytes, reckoned once. */
export interface ReadTransaction extends Transaction {
  readonly id: TransactionId
  readonly bytes: number
  readonly sender: Address
  /** Who pays the fee: the sender where nobody else does. */
  readonly payer: Address
}

export function encodeTransaction(transaction: Transaction): Uint8Array {
  return encode(signed, transaction)
}

/** Total: any bytes. @returns null where they are no transaction, or more than TRANSACTION_BYTES_MAX */
export function readTransaction(bytes: Uint8Array): ReadTransaction | null {
  if (bytes.length > TRANSACTION_BYTES_MAX) return null
  const transaction = decode(signed, bytes)
  if (transaction === null) return null
  const { from, payer } = transaction.unsigned
  const sender = accountOf(from)
  return {
    ...transaction,
    id: transactionId(transaction.unsigned),
    bytes: bytes.length,
    sender,
    payer: payer === null ? sender : accountOf(payer),
  }
}

/** X3: signatures are no part of it, so nobody but the sender can give a transaction another id. */
export function transactionId(transaction: UnsignedTransaction): TransactionId {
  return toHex(sha256(encode(unsigned, transaction))) as TransactionId
}

export function accountOf(key: PublicKey): Address {
  return addressOf(fromHex(key)!)
}

function isAscending(names: readonly string[]): boolean {
  return names.every((name, i) => i === 0 || names[i - 1]! < name)
}

/** X5 */
export function isRecordName(name: string): boolean {
  return name.length <= STATE_KEY_BYTES_MAX && /^[a-z\d/-]+$/.test(name)
}
