import type { SeededRandom } from "../../../agent/base/random.ts"
import type { Agenda } from "./agenda.ts"
import type { Message } from "./message.ts"
import { CALM_DELAY_MS, type Options } from "./options.ts"

export interface Peer {
  readonly name: string
  receive(from: string, message: Message): void
}

/** Messages between processes: late, twice, out of order, or never, until it grows calm. */
export class Network {
  readonly #agenda: Agenda
  readonly #random: SeededRandom
  readonly #options: Options
  readonly #faulty: ReadonlySet<string>
  readonly #peers = new Map<string, Peer>()
  /** Ways that are closed: `from to`. */
  #closed = new Set<string>()
  sent = 0

  /** @param faulty whom no closed way holds up: what divides the others serves them */
  constructor(agenda: Agenda, random: SeededRandom, options: Options, faulty: ReadonlySet<string>) {
    this.#agenda = agenda
    this.#random = random
    this.#options = options
    this.#faulty = faulty
    if (options.faults.includes("partition")) this.#partition()
  }

  get #rough(): boolean {
    return this.#agenda.nowMs < this.#options.roughMs
  }

  join(peer: Peer): void {
    this.#peers.set(peer.name, peer)
  }

  send(from: string, to: string, message: Message): void {
    this.sent++
    const { faults } = this.#options
    const lost = faults.includes("drop") && this.#random.next() < 0.2
    if (this.#rough && (lost || this.#closed.has(`${from} ${to}`))) return
    const copies = faults.includes("duplicate") && this.#random.next() < 0.1 ? 2 : 1
    for (let i = 0; i < copies; i++) {
      this.#agenda.after(this.#delayMs(), () => this.#peers.get(to)!.receive(from, message))
    }
  }

  /** Mostly short, now and then longer than every timer. */
  #delayMs(): number {
    const calm = 1 + this.#random.below(CALM_DELAY_MS)
    if (!this.#rough || !this.#options.faults.includes("delay")) return calm
    return this.#random.next() < 0.1 ? this.#random.below(5000) : 4 * calm
  }

  /** Again and again some ways are closed for a while: both ways, or one. */
  #partition(): void {
    this.#agenda.after(this.#random.below(4000), () => {
      this.#closed = new Set()
      if (!this.#rough) return
      const names = [...this.#peers.keys()].filter((name) => !this.#faulty.has(name))
      // Often one is alone: what it alone knows is what locks are for.
      const alone = this.#random.next() < 0.5 ? names[this.#random.below(names.length)] : null
      const here = new Set(names.filter((name) => (alone === null ? this.#random.next() < 0.5 : name === alone)))
      const oneWay = this.#random.next() < 0.3
      for (const from of names) {
        for (const to of names) {
          if (here.has(from) && !here.has(to)) this.#closed.add(`${from} ${to}`)
          if (!oneWay && !here.has(from) && here.has(to)) this.#closed.add(`${from} ${to}`)
        }
      }
      this.#partition()
    })
  }
}
