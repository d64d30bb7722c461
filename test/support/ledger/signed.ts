import { createHash } from "node:crypto"
import { type Address, addressOf } from "../../../agent/base/address.ts"
import { toHex } from "../../../agent/base/bytes.ts"
import { type Genesis, signaturesOfGenesis } from "../../../agent/core/ledger/genesis.ts"
import type { ChainId, PublicKey, Signature } from "../../../agent/core/ledger/terms.ts"
import type { Body } from "../../../agent/core/ledger/transaction/body.ts"
import { transactionMessage } from "../../../agent/core/ledger/transaction/signatures.ts"
import { touchesOf } from "../../../agent/core/ledger/transaction/touches.ts"
import { encodeTransaction } from "../../../agent/core/ledger/transaction/transaction.ts"
import { signingKey } from "../../../agent/io/keys/ed25519.ts"
import type { ConsensusKey } from "../../../agent/ports/consensus-key.ts"
import { PARAMETERS } from "./chain.ts"

/** A key that really signs, the same for the same name. */
export function realKey(name: string): ConsensusKey {
  const { publicKey, sign } = signingKey(createHash("sha256").update(`real ${name}`).digest())
  return { address: addressOf(publicKey), publicKey: toHex(publicKey), sign }
}

export const consensusKey = (name: string) => realKey(`consensus ${name}`)
export const accountAddress = (name: string): Address => realKey(name).address

/** A chain whose validators hold their keys. @param accounts balances by name */
export function signedGenesis(
  accounts: Readonly<Record<string, bigint>>,
  validators: Readonly<Record<string, bigint>>,
  change: Partial<Genesis> = {},
): Genesis {
  const unsigned: Genesis = {
    version: 1,
    name: "test",
    time: 1_700_000_000_000,
    parameters: { ...PARAMETERS, committee: 16 },
    accounts: Object.entries(accounts).map(([name, balance]) => ({ address: accountAddress(name), balance })),
    validators: Object.entries(validators).map(([name, stake]) => ({
      account: accountAddress(name),
      key: consensusKey(name).publicKey as PublicKey,
      proof: "00".repeat(64) as Signature,
      stake,
    })),
    members: [],
    parent: null,
    ...change,
  }
  const proofs = signaturesOfGenesis(unsigned)
  const prove = (validator: Genesis["validators"][number], i: number) => {
    const name = Object.keys(validators)[i]!
    return { ...validator, proof: toHex(consensusKey(name).sign(proofs[i]!.message)) as Signature }
  }
  return { ...unsigned, validators: unsigned.validators.map(prove) }
}

/** A transaction as its sender would send it. */
export function signedTransaction(chain: ChainId, from: string, nonce: number, body: Body): Uint8Array {
  const key = realKey(from)
  const unsigned = {
    version: 1,
    chain,
    from: key.publicKey as PublicKey,
    nonce,
    feeLimit: 1000n,
    payer: null,
    validUntil: Number.MAX_SAFE_INTEGER,
    touches: touchesOf(body, key.address, nonce),
    body,
  }
  const signature = toHex(key.sign(transactionMessage(unsigned))) as Signature
  return encodeTransaction({ unsigned, signature, payerSignature: null })
}

export const transferTo = (name: string, amount: bigint): Body => ({
  kind: "transfer",
  to: accountAddress(name),
  amount,
})

/** The same bytes, of which the last one of the signature is another. */
export function spoilt(transaction: Uint8Array): Uint8Array {
  const at = transaction.length - 2
  return transaction.with(at, transaction[at]! ^ 1)
}
