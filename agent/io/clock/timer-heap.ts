/** One scheduled action. `action` is null once it fired or was cancelled. */
interface Timer {
  readonly atMs: number
  /** Equal times fire in the order they were asked for. */
  readonly order: number
  action: (() => void) | null
}

/** Timers by time: a binary heap; a cancelled one stays until it surfaces or half the heap is cancelled. */
export class TimerHeap {
  #heap: Timer[] = []
  #order = 0
  #cancelled = 0

  add(atMs: number, action: () => void): Timer {
    const timer: Timer = { atMs, order: this.#order++, action }
    this.#heap.push(timer)
    this.#up(this.#heap.length - 1)
    return timer
  }

  remove(timer: Timer): void {
    if (timer.action === null) return
    timer.action = null
    this.#cancelled++
    if (this.#cancelled * 2 > this.#heap.length) this.#compact()
  }

  /** @returns ms of the earliest timer, undefined when there is none */
  earliest(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.action === null) {
      this.#cancelled--
      this.#takeFirst()
    }
    return this.#heap[0]?.atMs
  }

  /** @returns at most `limit` actions due at `nowMs`, in order of time; they are no longer scheduled */
  takeDue(nowMs: number, limit: number): (() => void)[] {
    const due: (() => void)[] = []
    while (due.length < limit) {
      const at = this.earliest()
      if (at === undefined || at > nowMs) break
      const timer = this.#takeFirst()
      due.push(timer.action!)
      timer.action = null
    }
    return due
  }

  #takeFirst(): Timer {
    const first = this.#heap[0]!
    const last = this.#heap.pop()!
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#down(0)
    }
    return first
  }

  #compact(): void {
    // Sorted is a heap.
    this.#heap = this.#heap.filter((timer) => timer.action !== null).sort(order)
    this.#cancelled = 0
  }

  #up(from: number): void {
    const timer = this.#heap[from]!
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (order(this.#heap[parent]!, timer) <= 0) break
      this.#heap[at] = this.#heap[parent]!
      at = parent
    }
    this.#heap[at] = timer
  }

  #down(from: number): void {
    const timer = this.#heap[from]!
    let at = from
    for (;;) {
      let child = at * 2 + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && order(this.#heap[child + 1]!, this.#heap[child]!) < 0) child++
      if (order(timer, this.#heap[child]!) <= 0) break
      this.#heap[at] = this.#heap[child]!
      at = child
    }
    this.#heap[at] = timer
  }
}

function order(a: Timer, b: Timer): number {
  return a.atMs === b.atMs ? a.order - b.order : a.atMs < b.atMs ? -1 : 1
}
