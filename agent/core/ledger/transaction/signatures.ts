import type { Address } from "../../../base/address.ts"
import { concatBytes, fromHex } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { type SigningPurpose, signingBytes } from "../../../base/signing.ts"
import { voteBytes } from "../../consensus/message.ts"
import type { ValueId } from "../../consensus/terms.ts"
import { encode } from "../layout.ts"
import type { ChainId, PublicKey, Signature } from "../terms.ts"
import { type BodyOf, body } from "./body.ts"
import { accountOf, type Transaction, transactionId } from "./transaction.ts"

/** A signature to be verified, and over what. */
export interface Signed {
  readonly key: PublicKey
  readonly message: Uint8Array
  readonly signature: Signature
}

/**
 * X4: every signature that a transaction rests on, in order. Whoever takes it in verifies each of them once, before it
 * is applied; `apply` itself verifies nothing.
 */
export function signaturesOf(transaction: Transaction): readonly Signed[] {
  const { unsigned, signature, payerSignature } = transaction
  const { chain, from, payer } = unsigned
  const message = transactionMessage(transaction.unsigned)
  return [
    { key: from, message, signature },
    ...(payer === null || payerSignature === null ? [] : [{ key: payer, message, signature: payerSignature }]),
    ...ofBody(transaction, chain),
  ]
}

/** What the sender and the payer sign: the transaction's id. */
export function transactionMessage(unsigned: Transaction["unsigned"]): Uint8Array {
  return messageOf("transaction", unsigned.chain, fromHex(transactionId(unsigned))!)
}

/** What a consensus key signs to show that it is held by who registers it: the key, then the account. */
export function possessionMessage(chain: ChainId, key: PublicKey, account: Address): Uint8Array {
  return messageOf("possession", chain, concatBytes(fromHex(key)!, fromHex(account)!))
}

/** What validators of an enrolled chain sign to agree to a change: the SHA-256 of it without their approvals. */
export function changeSetMessage(chain: ChainId, change: BodyOf<"change-set">): Uint8Array {
  return messageOf("set-change", chain, sha256(encode(body, { ...change, approvals: [] })))
}

function ofBody({ unsigned }: Transaction, chain: ChainId): readonly Signed[] {
  const { body, from } = unsigned
  if (body.kind === "bond" || body.kind === "rotate") {
    return [{ key: body.key, message: possessionMessage(chain, body.key, accountOf(from)), signature: body.proof }]
  }
  if (body.kind === "report") return [body.first, body.second].map((vote) => signedVote(chain, body.key, vote))
  if (body.kind !== "change-set") return []
  const message = changeSetMessage(chain, body)
  return [
    ...body.validators
      .filter(({ power }) => power > 0)
      .map(({ key, account, proof }) => ({
        key,
        message: possessionMessage(chain, key, account),
        signature: proof,
      })),
    ...body.approvals.map(({ key, signature }) => ({ key, message, signature })),
  ]
}

/** As docs/spec/consensus.md#signing-bytes has it: whose vote it is is said by the key alone. */
function signedVote(chain: ChainId, key: PublicKey, vote: BodyOf<"report">["first"]): Signed {
  const { height, round, value, time: timeMs, signature } = vote
  const type = vote.type === 0 ? "prevote" : "precommit"
  const said = { type, height, round, value: value as ValueId | null, voter: accountOf(key), timeMs } as const
  return { key, message: voteBytes(fromHex(chain)!, said), signature }
}

function messageOf(purpose: SigningPurpose, chain: ChainId, payload: Uint8Array): Uint8Array {
  return signingBytes(purpose, fromHex(chain)!, payload)
}
