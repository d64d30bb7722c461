import { SERVICE_START_TIMEOUT_MS } from "../../base/limits.ts"
import { messageOf } from "../../base/errors.ts"
import type { Broker, IncomingMessage, Message, MessageHandler } from "../../ports/broker.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Log } from "../../ports/log.ts"

interface Entry {
  readonly handlers: Set<MessageHandler>
  /** Told when a handler is there again, or that none will be. */
  readonly waiting: Set<(comesBack: boolean) => void>
  close(): void
}

/**
 * What one service is subscribed to, over its restarts: between two runs messages wait for the next one, so that no
 * publisher is acknowledged for what nobody took. One that waits too long is not acknowledged, and sends again.
 */
export class Subscriptions {
  readonly #broker: Broker
  readonly #clock: Clock
  readonly #log: Log
  readonly #filters = new Map<string, Entry>()

  constructor(broker: Broker, clock: Clock, log: Log) {
    this.#broker = broker
    this.#clock = clock
    this.#log = log
  }

  /** Retained messages are handed over at once, to each run anew. @returns ends it: for good, or until the next run of the service subscribes again */
  add(filter: string, handler: MessageHandler): (forGood: boolean) => void {
    const entry = this.#filters.get(filter) ?? this.#open(filter)
    entry.handlers.add(handler)
    for (const wake of entry.waiting) wake(true)
    for (const message of this.#broker.retained(filter)) void this.#replay(handler, message)
    return (forGood) => {
      entry.handlers.delete(handler)
      if (forGood && entry.handlers.size === 0) this.#drop(filter, entry)
    }
  }

  /** A run has subscribed to what it wants, or there is no next one: what is left over is nobody's. */
  settle(): void {
    for (const [filter, entry] of this.#filters) if (entry.handlers.size === 0) this.#drop(filter, entry)
  }

  #open(filter: string): Entry {
    const entry: Entry = { handlers: new Set(), waiting: new Set(), close: () => {} }
    this.#filters.set(filter, entry)
    entry.close = this.#broker.subscribe(filter, (message) => this.#deliver(entry, message))
    return entry
  }

  #drop(filter: string, entry: Entry): void {
    entry.close()
    if (this.#filters.get(filter) === entry) this.#filters.delete(filter)
    for (const wake of entry.waiting) wake(false)
  }

  async #replay(handler: MessageHandler, message: Message): Promise<void> {
    try {
      await handler({ ...message, from: NOBODY, replayed: true, takeChanges: () => [] })
    } catch (error) {
      this.#log.error("a retained message could not be handled", { topic: message.topic, error: messageOf(error) })
    }
  }

  async #deliver(entry: Entry, message: IncomingMessage): Promise<void> {
    // The broker replays when a filter is opened; each run gets its own.
    if (message.replayed) return
    if (entry.handlers.size === 0) await this.#nextRun(entry)
    await Promise.all(Array.from(entry.handlers, async (handler) => handler(message)))
  }

  #nextRun(entry: Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = (comesBack: boolean) => {
        entry.waiting.delete(over)
        cancel()
        if (comesBack) resolve()
        // Sent again it finds nobody subscribed, or the agent that stops here started again.
        else reject(new Error("the service that took these messages does not come back"))
      }
      const cancel = this.#clock.schedule(this.#clock.now() + SERVICE_START_TIMEOUT_MS, () => {
        entry.waiting.delete(over)
        reject(new Error("the service that takes these messages is not back yet"))
      })
      entry.waiting.add(over)
    })
  }
}

/** Who published a retained message is not known any more. */
const NOBODY: IncomingMessage["from"] = { clientId: "", principal: { name: "", publish: [], subscribe: [] } }
