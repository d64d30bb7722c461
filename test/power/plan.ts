import { seededRandom } from "../../agent/base/random.ts"
import type { Change, Store } from "../../agent/ports/store.ts"

/**
 * What the workload writes, and what must be found after a cut. Write i puts the pair [i, 0], [i, 1] and may remove
 * the pair of one earlier write, all in one; so a half write shows as half a pair or as a removal without its cause.
 */
export interface PlannedWrite {
  readonly index: number
  readonly bytes: number
  /** An earlier write whose pair this one removes. */
  readonly removes: number | null
}

const TABLE = "power"

export function planWrites(seed: number, count: number): PlannedWrite[] {
  const random = seededRandom(seed)
  const gone = new Set<number>()
  return Array.from({ length: count }, (_, index) => {
    // Mostly records that share pages, some that have pages of their own.
    const bytes = random.below(20) === 0 ? 3000 + random.below(30_000) : 20 + random.below(400)
    const victim = random.below(Math.max(1, index))
    const removes = index > 20 && random.below(3) === 0 && !gone.has(victim) ? victim : null
    if (removes !== null) gone.add(removes)
    return { index, bytes, removes }
  })
}

export function changesOf(write: PlannedWrite): Change[] {
  const pair = (half: number): Change => ({ put: TABLE, key: [write.index, half], value: valueOf(write, half) })
  const removed = write.removes
  return [
    pair(0),
    ...(removed === null ? [] : [0, 1].map((half): Change => ({ remove: TABLE, key: [removed, half] }))),
    pair(1),
  ]
}

/**
 * @param promised whether the promise of write `index` had resolved before the cut
 * @returns what is wrong with the store, in words: lost writes, half writes
 */
export function findLosses(
  store: Store,
  plan: readonly PlannedWrite[],
  promised: (index: number) => boolean,
): string[] {
  const losses: string[] = []
  const removedBy = new Map(plan.flatMap((write) => (write.removes === null ? [] : [[write.removes, write] as const])))
  // A write is seen by its pair. One whose pair a later write removed is known by its promise only: without one it may
  // also have been refused, and what it would have removed may be there or not.
  const applied = new Set<number>()
  const perhaps = new Set<number>()
  for (const write of [...plan].reverse()) {
    const halves = [0, 1].map((half) => store.get(TABLE, [write.index, half]))
    const there = halves.filter((value) => value !== undefined).length
    if (there === 1) losses.push(`write ${write.index} is there by half`)
    const remover = removedBy.get(write.index)?.index ?? -1
    const removed = applied.has(remover)
    if (there > 0 && removed) losses.push(`write ${write.index} is there although its removal ${remover} is too`)
    if (there === 0 && promised(write.index) && !removed && !perhaps.has(remover))
      losses.push(`write ${write.index} was promised and is lost`)
    if (there === 2 || promised(write.index)) applied.add(write.index)
    else if (removed || perhaps.has(remover)) perhaps.add(write.index)
    halves.forEach((value, half) => {
      if (value !== undefined && JSON.stringify(value) !== JSON.stringify(valueOf(write, half)))
        losses.push(`write ${write.index} came back changed`)
    })
  }
  return losses
}

function valueOf(write: PlannedWrite, half: number): unknown {
  return { v: 1, index: write.index, half, text: String.fromCharCode(97 + (write.index % 26)).repeat(write.bytes) }
}
