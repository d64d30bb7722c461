import { ADDRESS_BYTES, type Address } from "../../../base/address.ts"
import { toHex } from "../../../base/bytes.ts"
import { isRecordName } from "../../../core/ledger/transaction/transaction.ts"
import type { Verdict } from "../../../ports/peers.ts"
import type { QuestionName, TopicName } from "./shell.ts"
import type { Validator } from "./validator.ts"

const NUMBER_BYTES = 8
const NONCE_BYTES = 32
/** The answer of who does not have it. */
export const NOTHING = new Uint8Array()

/** How a message of each topic is judged. */
export const JUDGES: Readonly<Record<TopicName, (validator: Validator, bytes: Uint8Array) => Promise<Verdict>>> = {
  transactions: (validator, bytes) => validator.judgeTransactions(bytes),
  votes: (validator, bytes) => validator.judgeVote(bytes),
  proposals: (validator, bytes) => validator.judgeProposal(bytes),
}
/** How each question is answered; null where nobody correct asks so. */
export const ANSWERS: Readonly<Record<QuestionName, (validator: Validator, request: Uint8Array) => Uint8Array | null>> =
  {
    decided: (validator, request) => {
      const height = numberOf(request)
      return height === null ? null : (validator.answerDecided(height) ?? NOTHING)
    },
    held: (validator, request) => {
      const height = numberOf(request)
      return height === null ? null : validator.answerHeld(height)
    },
    newest: (validator, request) => {
      if (request.length !== NONCE_BYTES + ADDRESS_BYTES) return null
      const of = toHex(request.subarray(NONCE_BYTES)) as Address
      return validator.answerNewest(request.subarray(0, NONCE_BYTES), of)
    },
    header: (validator, request) => {
      const height = request.length === 0 ? null : numberOf(request)
      return request.length > 0 && height === null ? null : (validator.answerHeader(height) ?? NOTHING)
    },
    record: (validator, request) => {
      const name = Buffer.from(request).toString("latin1")
      return isRecordName(name) ? validator.answerRecord(name) : null
    },
    head: (validator, request) => (request.length === 0 ? (validator.answerHead() ?? NOTHING) : null),
    parts: (validator, request) => validator.answerParts(request),
    waiting: (validator, request) => (request.length === 0 ? validator.answerWaiting() : null),
  }

function numberOf(request: Uint8Array): number | null {
  if (request.length !== NUMBER_BYTES) return null
  const number = new DataView(request.buffer, request.byteOffset).getBigUint64(0)
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : null
}
