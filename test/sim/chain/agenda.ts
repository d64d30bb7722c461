/** What is to happen, in the order of virtual time; of one time in the order it was put down. */
export class Agenda {
  readonly #heap: { readonly atMs: number; readonly number: number; readonly act: () => void }[] = []
  #count = 0
  nowMs = 0

  after(delayMs: number, act: () => void): void {
    const heap = this.#heap
    heap.push({ atMs: this.nowMs + delayMs, number: this.#count++, act })
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!this.#isBefore(i, parent)) break
      this.#swap(i, parent)
      i = parent
    }
  }

  /** Does the next thing. @returns false when there is none */
  step(): boolean {
    const heap = this.#heap
    const next = heap[0]
    if (next === undefined) return false
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2]
        let first = left < heap.length && this.#isBefore(left, i) ? left : i
        if (right < heap.length && this.#isBefore(right, first)) first = right
        if (first === i) break
        this.#swap(i, first)
        i = first
      }
    }
    this.nowMs = next.atMs
    next.act()
    return true
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a]!, this.#heap[b]!]
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.number < other.number)
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a]!
    this.#heap[a] = this.#heap[b]!
    this.#heap[b] = kept
  }
}
