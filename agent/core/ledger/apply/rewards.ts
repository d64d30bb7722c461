import type { Address } from "../../../base/address.ts"
import { damaged } from "../error.ts"
import { markAt } from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { Amount, TimeMs } from "../terms.ts"

/*
 * Fees are paid to stakers without looking at each (F1): a validator has an index, what every active token of it was
 * paid so far, and a lot is owed the difference between two of them. docs/spec/ledger.md#rewards
 */
const SCALE = 64n

/** F2: whole tokens; what is left of them stays in the pot. */
export function rewardOf(tokens: Amount, from: bigint, to: bigint): Amount {
  return (tokens * (to - from)) >> SCALE
}

/** F1: what each active token is paid, times 2^64. */
export function indexOf(paid: Amount, active: Amount): bigint {
  return (paid << SCALE) / active
}

/** F3: for a lot that joins or leaves at the beginning of `epoch`, where the index is not known yet. */
export function holdMark(state: State, of: Address, epoch: number): void {
  const mark = state.get(markAt(of, epoch)) ?? { reached: null, lots: 0 }
  state.put(markAt(of, epoch), { ...mark, lots: mark.lots + 1 })
}

export function releaseMark(state: State, of: Address, epoch: number): void {
  const mark = state.must(markAt(of, epoch))
  if (mark.lots === 1) state.drop(markAt(of, epoch))
  else state.put(markAt(of, epoch), { ...mark, lots: mark.lots - 1 })
}

/** The epoch begins, or the validator earns nothing more before it does. */
export function reachMark(state: State, of: Address, epoch: number, index: bigint, time: TimeMs): void {
  const mark = state.get(markAt(of, epoch))
  if (mark !== null) state.put(markAt(of, epoch), { ...mark, reached: { index, time } })
}

/** @param own the index that the lot itself has, null where the mark says it */
export function indexAt(state: State, of: Address, epoch: number, own: bigint | null): bigint {
  if (own !== null) return own
  const { reached } = state.must(markAt(of, epoch))
  if (reached === null) throw damaged(`the epoch ${epoch} has not begun for ${of}`)
  return reached.index
}
