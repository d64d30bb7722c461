import { READ_SETTLE_MS, READS_AT_A_TIME } from "../limits.ts"

export interface Reader<Found> {
  /** Ends it: what comes after is not taken. */
  readonly signal: AbortSignal
  fetch(name: string): Promise<Found>
  /** @returns whether that is new */
  take(name: string, found: Found): boolean
  /** Something that was taken is new. */
  changed(): void
  /** What could not be fetched stays wanted, and is fetched with what is wanted next. */
  failed(error: unknown): void
}

/**
 * Reads what is wanted, a burst at a time and one burst behind the other: what is read last is what is newest.
 * @returns wants things by their names
 */
export function reading<Found>({ signal, ...reader }: Reader<Found>): (names: Iterable<string>) => void {
  let wanted = new Set<string>()
  let isDue = false
  let turn = Promise.resolve()

  const readWanted = async () => {
    const names = [...wanted].reverse()
    wanted = new Set()
    isDue = false
    let isNew = false
    const work = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        try {
          const found = await reader.fetch(name)
          if (signal.aborted) return
          if (reader.take(name, found)) isNew = true
        } catch (error) {
          wanted = new Set([...wanted, name, ...names.splice(0)])
          throw error
        }
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: READS_AT_A_TIME }, work))
    if (isNew) reader.changed()
    const failure = ends.find((end) => end.status === "rejected")
    if (failure !== undefined) reader.failed(failure.reason)
  }

  return (names) => {
    for (const name of names) wanted.add(name)
    if (isDue || wanted.size === 0) return
    isDue = true
    setTimeout(() => {
      turn = turn.then(readWanted)
    }, READ_SETTLE_MS)
  }
}
