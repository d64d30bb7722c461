import { AMOUNT_MAX } from "../../../base/amount.ts"
import { toHex } from "../../../base/bytes.ts"
import { TRANSACTION_VALID_MS } from "../../../base/network-limits.ts"
import { feeOf } from "../../../core/ledger/apply/admission.ts"
import { parametersAt } from "../../../core/ledger/state/records.ts"
import { State, type View } from "../../../core/ledger/state/state.ts"
import type { Amount, ChainId, PublicKey, Signature } from "../../../core/ledger/terms.ts"
import type { Body } from "../../../core/ledger/transaction/body.ts"
import { transactionMessage } from "../../../core/ledger/transaction/signatures.ts"
import { touchesOf } from "../../../core/ledger/transaction/touches.ts"
import { encodeTransaction, type Transaction } from "../../../core/ledger/transaction/transaction.ts"
import type { SigningKey } from "../../../ports/signing-key.ts"

/** What a transaction is made from beside what it asks for. */
export interface Sending {
  readonly chain: ChainId
  readonly view: View
  readonly nonce: number
  /** ms since 1970: now, as far as this Core knows. */
  readonly nowMs: number
  readonly sender: SigningKey
  /** Who pays the fee, where it is another account. */
  readonly payer: SigningKey | null
  /** Null: what it costs. */
  readonly feeLimit: Amount | null
}

/** @returns a transaction, signed and encoded */
export function transactionOf(body: Body, sending: Sending): Uint8Array {
  const { chain, view, nonce, nowMs, sender, payer } = sending
  const signedWith = (feeLimit: Amount): Uint8Array => {
    const unsigned: Transaction["unsigned"] = {
      version: 1,
      chain,
      from: sender.publicKey as PublicKey,
      nonce,
      feeLimit,
      payer: payer && (payer.publicKey as PublicKey),
      validUntil: nowMs + TRANSACTION_VALID_MS,
      touches: touchesOf(body, sender.address, nonce),
      body,
    }
    const message = transactionMessage(unsigned)
    const by = (key: SigningKey) => toHex(key.sign(message)) as Signature
    return encodeTransaction({ unsigned, signature: by(sender), payerSignature: payer && by(payer) })
  }
  if (sending.feeLimit !== null) return signedWith(sending.feeLimit)
  // The limit is a part of what is paid for: with the longest one it costs no less than with what that comes to.
  const parameters = State.over(view).must(parametersAt)
  return signedWith(feeOf(parameters, signedWith(AMOUNT_MAX).length))
}
