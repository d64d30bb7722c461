import type { Soon } from "../../base/soon.ts"

interface Turn {
  ready: boolean
  run: () => void
}

/**
 * Things that may have to wait, done in the order they were asked for: the acknowledgements and deliveries of one
 * publisher keep the order of its packets [MQTT-4.6.0-2, 4.6.0-6], while what they wait for runs side by side.
 */
export class InOrder {
  #turns: Turn[] = []
  #at = 0

  get length(): number {
    return this.#turns.length - this.#at
  }

  /**
   * Runs `act` with what `awaited` gave, now if nothing is to be waited for; `failed` with what it threw instead. A
   * failure keeps its turn too: it must not close the connection before what came first is acknowledged.
   */
  after<Value>(awaited: Soon<Value>, act: (value: Value) => void, failed: (error: unknown) => void): void {
    if (!(awaited instanceof Promise)) {
      if (this.length === 0) act(awaited)
      else this.#turns.push({ ready: true, run: () => act(awaited) })
      return
    }
    const turn: Turn = { ready: false, run: () => {} }
    this.#turns.push(turn)
    const settle = (run: () => void) => {
      turn.run = run
      turn.ready = true
      this.#advance()
    }
    awaited.then(
      (value) => settle(() => act(value)),
      (error: unknown) => settle(() => failed(error)),
    )
  }

  #advance(): void {
    while (this.#at < this.#turns.length) {
      const turn = this.#turns[this.#at]!
      if (!turn.ready) break
      this.#at++
      turn.run()
    }
    if (this.#at === this.#turns.length) {
      this.#turns = []
      this.#at = 0
    } else if (this.#at > 1024) {
      this.#turns.splice(0, this.#at)
      this.#at = 0
    }
  }
}
