/**
 * How much each of many may still do: so much at once, and as time goes on so much more. What is refused now may be
 * allowed later.
 */
export class Allowances {
  readonly #burst: number
  readonly #perS: number
  readonly #keysMax: number
  /** In the order in which they were used last. */
  readonly #left = new Map<string, { readonly left: number; readonly atMs: number }>()

  /**
   * @param burst at once @param perS and each second more
   * @param keysMax how many are remembered: past it who was idle for longest begins anew
   */
  constructor(burst: number, perS: number, keysMax: number) {
    this.#burst = burst
    this.#perS = perS
    this.#keysMax = keysMax
  }

  /** @param nowMs of a clock that never goes back @returns whether it may; where not, nothing was used up */
  take(key: string, nowMs: number, amount = 1): boolean {
    const { left, atMs } = this.#left.get(key) ?? { left: this.#burst, atMs: nowMs }
    const grown = Math.min(this.#burst, left + ((nowMs - atMs) * this.#perS) / 1000)
    const allowed = grown >= amount
    this.#left.delete(key)
    this.#left.set(key, { left: allowed ? grown - amount : grown, atMs: nowMs })
    if (this.#left.size > this.#keysMax) this.#left.delete(this.#left.keys().next().value!)
    return allowed
  }

  clear(): void {
    this.#left.clear()
  }
}
