/** Changes one at a time, in the order they were asked for: each begins with what the last one left. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<Value>(change: () => Promise<Value>): Promise<Value> {
    const turn = this.#last.then(change)
    // Its own caller hears of a failure; the next turn begins all the same.
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Resolves when nothing is being changed. */
  async idle(): Promise<void> {
    await this.#last
  }
}
