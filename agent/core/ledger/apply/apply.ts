/*
 * What a block does to the state. Rules: docs/spec/ledger.md#blocks.
 *
 *   transactions, one after the other -> fees -> committee -> absences -> the epoch's end -> what is due -> totals -> app hash
 *
 * A transaction that cannot be in a block makes the block invalid; one that fails pays its fee and does nothing else.
 */
import type { Address } from "../../../base/address.ts"
import { accountAt, type CommitteeMember, epochAt, parametersAt } from "../state/records.ts"
import { State, type View } from "../state/state.ts"
import type { Amount, ChainId, TimeMs, TransactionId } from "../terms.ts"
import type { ReadTransaction } from "../transaction/transaction.ts"
import { countAbsence } from "./absence.ts"
import { admit, feeOf, type Refusal, refusalOf } from "./admission.ts"
import { applyBody } from "./body.ts"
import { committeeNow, followValidators, validatorUpdates, type ValidatorUpdate } from "./committee.ts"
import type { Failure } from "./context.ts"
import { doWhatIsDue, nextDue } from "./due.ts"
import { endEpoch } from "./epoch.ts"
import { debit } from "./purses.ts"

export interface Block {
  readonly chain: ChainId
  readonly height: number
  /** Header time: never before that of the block before. */
  readonly time: TimeMs
  /** Read, and every signature of them verified. */
  readonly transactions: readonly ReadTransaction[]
  /** Accounts of validators that the commit of the block before has no precommit of. */
  readonly absent: readonly Address[]
}

export interface Receipt {
  readonly id: TransactionId
  readonly fee: Amount
  /** Null where it did what it asks for. */
  readonly failure: Failure | null
}

export type Applied =
  | {
      readonly ok: true
      /** Records, null for those that go, and nodes of the tree likewise: all of it or nothing is kept. */
      readonly records: ReadonlyMap<string, Uint8Array | null>
      readonly nodes: ReadonlyMap<string, Uint8Array | null>
      readonly appHash: Uint8Array
      readonly receipts: readonly Receipt[]
      readonly validatorUpdates: readonly ValidatorUpdate[]
      /** Who decides from the second height after this one on (C1); by ascending consensus address. */
      readonly committee: readonly CommitteeMember[]
      /** When the chain must wake though nobody asks for anything. */
      readonly nextDue: TimeMs
    }
  /** The block is invalid: the transaction at this place cannot be in it. */
  | { readonly ok: false; readonly at: number; readonly code: Refusal }

/** @throws LedgerError STATE_DAMAGED: the chain must halt */
export function applyBlock(view: View, block: Block): Applied {
  const state = State.over(view)
  const before = committeeNow(state)
  const receipts: Receipt[] = []
  for (const [at, transaction] of block.transactions.entries()) {
    const receipt = applyTransaction(state, block, transaction)
    if (typeof receipt === "string") return { ok: false, at, code: receipt }
    receipts.push(receipt)
  }
  finish(state, block, receipts)
  const { writes, tree } = state.close()
  const committee = committeeNow(state)
  return {
    ok: true,
    records: writes,
    nodes: tree.nodes,
    appHash: tree.root,
    receipts,
    validatorUpdates: validatorUpdates(before, committee),
    committee,
    nextDue: nextDue(state),
  }
}

/** @returns the transactions that may be in the block, in their order; the others are left out */
export function admissible(view: View, block: Block): readonly ReadTransaction[] {
  const state = State.over(view)
  return block.transactions.filter((one) => typeof applyTransaction(state, block, one) !== "string")
}

function applyTransaction(state: State, block: Block, transaction: ReadTransaction): Receipt | Refusal {
  const { unsigned, sender, payer, id, bytes } = transaction
  const { time, height } = block
  const parameters = state.must(parametersAt)
  const refusal = refusalOf(state, parameters, block.chain, time, transaction)
  if (refusal !== null) return refusal
  const fee = feeOf(parameters, bytes)
  admit(state, parameters, time, transaction)
  debit(state, payer, fee, "pot")
  const own = [accountAt(sender).name, accountAt(payer).name]
  const tried = state.limitedTo(new Set([...unsigned.touches, ...own]))
  const epoch = state.must(epochAt)
  const context = { state: tried, parameters, epoch, time, height, sender, nonce: unsigned.nonce }
  const failure = applyBody(context, unsigned.body)
  // R2: whether it would have failed anyway may rest on what it had no right to read.
  if (tried.undeclared !== null) return { id, fee, failure: "UNDECLARED_TOUCH" }
  if (failure === null) state.takeOver(tried)
  return { id, fee, failure }
}

/** R3: nothing of this changes the state in a block without transactions and with nothing due. */
function finish(state: State, block: Block, receipts: readonly Receipt[]): void {
  const { time, absent } = block
  if (receipts.length === 0 && nextDue(state) > time) return
  const parameters = state.must(parametersAt)
  const fees = receipts.reduce((sum, { fee }) => sum + fee, 0n)
  const epoch = state.must(epochAt)
  if (fees > 0n) state.put(epochAt, { ...epoch, fees: epoch.fees + fees })
  if (!parameters.isEnrolled) followValidators(state, parameters, block)
  countAbsence(state, parameters, block, absent)
  if (time >= epoch.ends) endEpoch(state, parameters, block)
  doWhatIsDue(state, parameters, time)
}
