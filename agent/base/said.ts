/** What was said of whom, so that nobody makes the log say the same for ever. Past its bound the oldest is forgotten. */
export class Said {
  readonly #last = new Map<string, string>()
  readonly #max: number

  /** @param max how many are remembered, a bound of limits.ts */
  constructor(max: number) {
    this.#max = max
  }

  /** @returns whether `what` is not what was said of `who` last; it is now */
  isNews(who: string, what = ""): boolean {
    if (this.#last.get(who) === what) return false
    if (!this.#last.has(who) && this.#last.size >= this.#max) this.#last.delete(this.#last.keys().next().value!)
    this.#last.set(who, what)
    return true
  }
}
