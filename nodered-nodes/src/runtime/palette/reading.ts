import { READS_AT_A_TIME, READ_SETTLE_MS } from "../limits.ts"

export interface Reader<Item> {
  /** @returns whether something is new */
  read(item: Item): Promise<boolean>
  /** Something that was read is new. */
  changed(): void
  /** What could not be read is kept, and read with what is wanted next. */
  failed(error: unknown): void
}

/**
 * Reads what is wanted, a burst at a time and one burst behind the other: what was wanted last is read last.
 * @returns wants items, by their names
 */
export function reading<Item>(reader: Reader<Item>): (items: Iterable<readonly [string, Item]>) => void {
  let wanted = new Map<string, Item>()
  let isDue = false
  let turn = Promise.resolve()

  const readWanted = async () => {
    const items = [...wanted].reverse()
    wanted = new Map()
    isDue = false
    let isNew = false
    const work = async () => {
      for (let item = items.pop(); item !== undefined; item = items.pop()) {
        const [name, what] = item
        try {
          if (await reader.read(what)) isNew = true
        } catch (error) {
          for (const [rest, one] of [...items.splice(0), [name, what] as const]) {
            if (!wanted.has(rest)) wanted.set(rest, one)
          }
          throw error
        }
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: READS_AT_A_TIME }, work))
    if (isNew) reader.changed()
    const failure = ends.find((end) => end.status === "rejected")
    if (failure !== undefined) reader.failed(failure.reason)
  }

  return (items) => {
    for (const [name, item] of items) wanted.set(name, item)
    if (isDue || wanted.size === 0) return
    isDue = true
    setTimeout(() => {
      turn = turn.then(readWanted)
    }, READ_SETTLE_MS)
  }
}
