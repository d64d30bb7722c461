/**
 * A map for entries that come and go by the thousand, as running executions do.
 *
 * V8's Map leaves its table behind whenever deleted entries have filled it, with everything that was in it; a table left
 * behind that has grown old keeps all of that alive until the next full collection. With some dozens of entries at a
 * time that is a third of all values there ever were. Here such a table holds keys and numbers alone: the values lie in
 * slots that are used again. Walks in the order of insertion.
 */
export class SlotMap<Key extends string | number, Value> {
  readonly #slots = new Map<Key, number>()
  readonly #values: (Value | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slots.size
  }

  get(key: Key): Value | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#values[slot]
  }

  has(key: Key): boolean {
    return this.#slots.has(key)
  }

  set(key: Key, value: Value): void {
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#values.length
      this.#slots.set(key, slot)
    }
    this.#values[slot] = value
  }

  /** @returns whether it was there */
  delete(key: Key): boolean {
    const slot = this.#slots.get(key)
    if (slot === undefined) return false
    this.#slots.delete(key)
    this.#values[slot] = undefined
    this.#free.push(slot)
    return true
  }

  *values(): Generator<Value> {
    for (const slot of this.#slots.values()) yield this.#values[slot]!
  }
}
