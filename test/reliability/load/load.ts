import type { SeededRandom } from "../../../agent/base/random.ts"
import type { RemoteServiceHandle } from "../../../agent/sdk.ts"
import type { TestAgent } from "../../support/agent.ts"
import { httpPublisher, Ledger, mqttPublisher, Pace, payer, type Publisher, type Sent } from "./publishers.ts"
import { scaled } from "../../support/scale.ts"
import { Sink } from "./sink.ts"
import { installWork, type LoadEvent } from "./work.ts"

export interface LoadSize {
  /** MQTT clients of each kind. */
  readonly clients: number
  /** Events of one client on their way at once. */
  readonly window: number
  /** How long an effect takes at most, ms. */
  readonly effectMs: number
  readonly perSecond: number
}

const SIZE: LoadSize = { clients: 2, window: 40, effectMs: 800, perSecond: scaled(400, 2000) }

/** Long enough that the agent dies under executions that only wait. */
const PAID_WITHIN_MS = 2000

/** Publishers of every kind, the services they need, and the outside that counts. The agent may die under it. */
export class Load {
  readonly ledger = new Ledger()
  readonly sink: Sink
  readonly #random: SeededRandom
  readonly #size: LoadSize
  #publishers: Publisher[] = []
  #payer: ReturnType<typeof payer> | null = null
  #far: RemoteServiceHandle | null = null
  #token = ""

  constructor(random: SeededRandom, size: LoadSize = SIZE) {
    this.#random = random
    this.#size = size
    this.sink = new Sink(random, size.effectMs)
  }

  /** The services and the application. @param agent on ports that stay the same over its restarts */
  async install(agent: TestAgent): Promise<void> {
    this.#far = await installWork(agent, this.sink, await this.sink.start())
  }

  /** Events begin to flow. */
  start(agent: TestAgent): void {
    this.moved(agent)
    const { url } = agent.mqtt
    const { clients, window } = this.#size
    const flow = {
      ledger: this.ledger,
      pace: new Pace(this.#size.perSecond),
      window,
      next: () => this.#next(),
      settled: (sent: Sent) => {
        if (sent.event === "booking") this.#payer!.pay(sent.n, this.#random.below(PAID_WITHIN_MS))
      },
    }
    this.#payer = payer(url, "payer")
    for (let i = 0; i < clients; i++) {
      this.#publishers.push(mqttPublisher(url, `plain-${i}`, 1, false, flow))
      this.#publishers.push(mqttPublisher(url, `named-${i}`, 1, true, flow))
      this.#publishers.push(mqttPublisher(url, `twice-${i}`, 2, false, flow))
    }
    const few = { ...flow, window: 8 }
    this.#publishers.push(httpPublisher(agent.http, "http", () => this.#token, true, few))
    this.#publishers.push(httpPublisher(agent.http, "plain", () => this.#token, false, few))
  }

  /** The agent came back: its run token is another. */
  moved(agent: TestAgent): void {
    this.#token = agent.token
  }

  /** No new events; resolves when all that were begun have their answer. */
  async finish(): Promise<void> {
    await Promise.all(this.#publishers.map((publisher) => publisher.finish()))
    await this.#payer!.finish()
  }

  /** Everything that is left, now; the agent may be gone. */
  async stop(): Promise<void> {
    for (const publisher of this.#publishers) publisher.abandon()
    this.#payer?.abandon()
    await this.#far?.stop()
    await this.sink.stop()
  }

  #next(): LoadEvent {
    const dice = this.#random.below(10)
    return dice < 8 ? "order" : dice < 9 ? "booking" : "reservation"
  }
}
