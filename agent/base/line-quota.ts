/** At most so many lines of the log a second about one thing that others can make happen; the rest is counted and told. */
export class LineQuota {
  readonly #max: number
  readonly #elapsedMs: () => number
  readonly #tell: (leftOut: number) => void
  #second = -1
  #lines = 0
  #leftOut = 0

  /**
   * @param max a second, a bound of limits.ts
   * @param elapsedMs ms of a monotone clock
   * @param tell hears how many lines were left out since it heard last, never none
   */
  constructor(max: number, elapsedMs: () => number, tell: (leftOut: number) => void) {
    this.#max = max
    this.#elapsedMs = elapsedMs
    this.#tell = tell
  }

  /** @returns whether one more line may be written now; where not, it is counted */
  allows(): boolean {
    const second = Math.floor(this.#elapsedMs() / 1000)
    if (second !== this.#second) {
      this.tellLeftOut()
      this.#second = second
      this.#lines = 0
    }
    this.#lines++
    if (this.#lines <= this.#max) return true
    this.#leftOut++
    return false
  }

  /** Now, and not with the next line: there may be none. */
  tellLeftOut(): void {
    const leftOut = this.#leftOut
    this.#leftOut = 0
    if (leftOut > 0) this.#tell(leftOut)
  }
}
