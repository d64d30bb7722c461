import type { IncomingMessage as HttpRequest } from "node:http"
import { messageOf } from "../../base/errors.ts"
import {
  MQTT_CONNECTIONS_PENDING_MAX,
  MQTT_OUTPUT_BYTES_MAX,
  MQTT_OUTPUT_BYTES_PER_CLIENT_CROWDED,
  MQTT_OUTPUT_BYTES_PER_CLIENT_MAX,
  MQTT_SWEEP_INTERVAL_MS,
  MQTT_SYS_INTERVAL_MS,
} from "../../base/limits.ts"
import { isTopicFilter, topicMatches, shownTopic } from "../../base/topic.ts"
import type {
  Authenticate,
  Broker,
  ClientView,
  Message,
  MessageHandler,
  Principal,
  Reserved,
} from "../../ports/broker.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Log } from "../../ports/log.ts"
import type { Metrics } from "../../ports/metrics.ts"
import type { Store } from "../../ports/store.ts"
import type { Config } from "../../schema/config.ts"
import { Admissions } from "./admissions.ts"
import { Connection, type Home } from "./connection.ts"
import { Counters } from "./counters.ts"
import { BrokerError } from "./error.ts"
import { InOrder } from "./in-order.ts"
import type { Link } from "./link.ts"
import { type Bound, Listeners } from "./listeners.ts"
import { Outputs } from "./output.ts"
import { StorePersistence } from "./persistence.ts"
import { Incoming, Publication, type Publisher } from "./publication.ts"
import { Refusals } from "./refusals.ts"
import { Retained } from "./retained.ts"
import { Rights } from "./rights.ts"
import { Router } from "./router.ts"
import { type ConnectingClient, type Refusal, SessionPlane, UNAVAILABLE } from "./session-plane.ts"
import { SessionStore } from "./session-store.ts"
import { sysMessages } from "./sys-topics.ts"
import { type UpgradeHandler, websocketUpgrade } from "./websocket.ts"
import { Wills } from "./wills.ts"

export interface BrokerOptions {
  /** Address to bind. */
  readonly listen: string
  readonly mqtt: Config["mqtt"]
  /** Shown under `$SYS/broker/version`. */
  readonly version: string
  readonly store: Store
  readonly log: Log
  readonly metrics: Metrics
  readonly clock: Clock
  /** Decides about everybody, anonymous clients too. */
  readonly authenticate: Authenticate
  /** Whether a page of this Origin may open a WebSocket; null stands for no Origin header. */
  readonly allowOrigin: (origin: string | null, request: HttpRequest) => boolean
}

/** The broker with its life. `subscribe` between `open` and `start`, so that no message comes too early. */
export interface RunningBroker extends Broker {
  /** Loads sessions and retained messages: the agent can subscribe and publish, nobody can connect yet. */
  open(): void
  /** Opens the doors. @throws BrokerError MQTT_LISTEN_FAILED, MQTT_TLS_FILES */
  start(): Promise<Bound>
  /** Works after a half start. Sessions, queues and wills stay in the store. */
  stop(): Promise<void>
  /** For the `upgrade` event of an HTTP server; handles `/mqtt` and leaves other paths alone. */
  websocket(): UpgradeHandler
}

/** Who publishes for the agent: its own messages, and retained ones handed to its own subscriptions. */
const AGENT: Publisher = { clientId: "", principal: { name: "agent", publish: ["#"], subscribe: ["#"] }, session: null }

/** An MQTT 3.1.1 broker. @see docs/spec/broker.md */
export function createBroker(options: BrokerOptions): RunningBroker {
  return new MqttBroker(options)
}

class MqttBroker implements RunningBroker, Home {
  readonly router: Router
  readonly sessions: SessionStore
  readonly outputs: Outputs
  readonly refusals: Refusals
  readonly counters = new Counters()
  readonly log: Log
  readonly packetBytesMax: number
  readonly held = new Set<Connection>()
  nowMs: number
  holding = false
  readonly #options: BrokerOptions
  readonly #retained = new Retained()
  readonly #connections = new Set<Connection>()
  readonly #pending = new Set<Connection>()
  readonly #admissions: Admissions
  readonly #plane: SessionPlane
  readonly #wills: Wills
  readonly #listeners: Listeners
  readonly #turns = new InOrder()
  #timers: NodeJS.Timeout[] = []
  #startedMs = 0
  #opened = false
  #stopping = false

  constructor(options: BrokerOptions) {
    const { store, log, metrics, mqtt } = options
    this.#options = options
    this.log = log
    this.packetBytesMax = mqtt.maxPacketBytes
    this.nowMs = options.clock.elapsed()
    this.outputs = new Outputs(this.counters)
    this.refusals = new Refusals(this.counters, metrics, log)
    this.sessions = new SessionStore(store, log)
    this.router = new Router({
      retained: this.#retained,
      sessions: this.sessions,
      bounds: { queuedMessagesMax: mqtt.offlineMessages, queuedBytesMax: mqtt.offlineBytes },
      counters: this.counters,
      metrics,
      clock: options.clock,
      log,
      relieved: () => this.#unhold(),
    })
    this.#admissions = new Admissions({
      authenticate: options.authenticate,
      sessions: this.sessions,
      router: this.router,
      clock: options.clock,
      connectionsMax: mqtt.maxConnections,
      log,
    })
    this.#wills = new Wills(
      store,
      (clientId, principal, will, turns) => this.#publishWill(clientId, principal, will, turns),
      log,
    )
    this.#plane = new SessionPlane(
      new StorePersistence(store, () => this.sessions.nextSeq()),
      {
        admit: (connection, client) => this.#admit(connection, client),
        admitted: (connection) => this.#admitted(connection),
        isPresent: (clientId) => this.#admissions.get(clientId)?.admission?.present === true,
      },
      log,
    )
    this.#listeners = new Listeners(options.listen, mqtt, (link) => this.#accept(link))
    this.#watch(metrics)
  }

  open(): void {
    if (this.#opened) return
    this.#opened = true
    this.#startedMs = this.nowMs = this.#options.clock.elapsed()
    this.sessions.load()
    for (const session of this.sessions.all()) this.router.restore(session)
    for (const { topic, payload, qos, owner = "" } of this.sessions.retained())
      this.#retained.set({ topic, payload, qos, owner })
  }

  async start(): Promise<Bound> {
    this.open()
    await this.#plane.start()
    this.#wills.start(this.holding)
    this.#tellSys()
    this.#timers = [
      setInterval(() => this.#sweep(), MQTT_SWEEP_INTERVAL_MS),
      setInterval(() => this.#tellSys(), MQTT_SYS_INTERVAL_MS),
    ]
    for (const timer of this.#timers) timer.unref()
    return this.#listeners.start()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#wills.stop()
    this.#listeners.stop()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#plane.stop()
    this.router.tellLeftOut()
    for (const connection of this.#connections) connection.close()
    await this.sessions.flush()
  }

  websocket(): UpgradeHandler {
    return websocketUpgrade(this.packetBytesMax, this.#options.allowOrigin, (link) => this.#accept(link))
  }

  async publish(message: Message): Promise<void> {
    const topic = this.router.topics.of(message.topic)
    if (topic === null)
      throw new BrokerError(
        { code: "MQTT_BAD_MESSAGE", topic: message.topic },
        `${shownTopic(message.topic)} is no topic to publish to`,
        { remedy: "a topic has no wildcards, and the length and levels of limits.ts" },
      )
    const publication = new Publication(topic, new Uint8Array(message.payload), message.qos, message.retain)
    await this.#publish(publication, AGENT, this.#turns)
  }

  subscribe(filter: string, handler: MessageHandler): () => void {
    if (!isTopicFilter(filter))
      throw new BrokerError({ code: "MQTT_BAD_MESSAGE", topic: filter }, `${shownTopic(filter)} is no topic filter`)
    const end = this.router.handle(filter, handler)
    for (const publication of this.retainedFor(filter)) this.#hand(handler, publication)
    return end
  }

  reserve(reserved: Reserved): () => void {
    return this.router.reserve(reserved)
  }

  *retained(filter: string): Generator<Message> {
    for (const { topic, payload, qos } of this.#retained.match(filter)) yield { topic, payload, qos, retain: true }
  }

  wanted(topic: string): boolean {
    const known = this.router.topics.of(topic)
    return known !== null && this.router.route(known).sessions.length > 0
  }

  attended(topic: string, prefix: string): boolean {
    const known = this.router.topics.of(topic)
    const sessions = known === null ? [] : this.router.route(known).sessions
    return sessions.some(
      ({ receiver, subscriptions }) =>
        receiver !== null &&
        [...subscriptions.keys()].some((filter) => filter.startsWith(prefix) && topicMatches(filter, topic)),
    )
  }

  *retainedFor(filter: string): Generator<Publication> {
    for (const { topic, payload, qos } of this.#retained.match(filter)) {
      const known = this.router.topics.of(topic)
      if (known !== null) yield new Publication(known, payload, qos, true)
    }
  }

  clients(): readonly ClientView[] {
    return this.#admissions.views()
  }

  async recheck(principal: string): Promise<void> {
    await this.#admissions.recheck(principal)
  }

  hold(holding: boolean): void {
    this.holding = holding
    if (!holding && this.#opened) void this.#wills.release()
    this.#unhold()
  }

  connect(connection: Connection, packet: Buffer): void {
    this.#plane.connect(connection, packet)
  }

  leaving(connection: Connection, packet: Buffer): void {
    this.#wills.forget(connection)
    this.#forget(connection)
    this.#plane.disconnect(connection, packet)
  }

  gone(connection: Connection): void {
    this.#wills.over(connection, this.holding)
    this.#forget(connection)
    this.#plane.drop(connection)
  }

  #accept(link: Link): void {
    if (this.#stopping || this.#connections.size >= this.#options.mqtt.maxConnections + MQTT_CONNECTIONS_PENDING_MAX) {
      link.destroy()
      return
    }
    const connection = new Connection(this, link)
    this.#connections.add(connection)
    this.#pending.add(connection)
    // The one that has waited longest goes: strangers who say nothing cannot keep others out.
    if (this.#pending.size > MQTT_CONNECTIONS_PENDING_MAX) {
      const [oldest] = this.#pending
      this.counters.connectionsRefused++
      oldest?.fail(new Error("too many connections wait to be admitted"))
    }
  }

  async #admit(connection: Connection, client: ConnectingClient): Promise<0 | Refusal> {
    const refusal = await this.#admissions.admit(connection, client)
    if (refusal !== 0 || client.will === null) return refusal
    return (await this.#wills.keep(connection, client.will)) ? 0 : UNAVAILABLE
  }

  #admitted(connection: Connection): void {
    const { admission } = connection
    if (admission === null || connection.closed) return
    this.#pending.delete(connection)
    this.counters.clientsMaximum = Math.max(this.counters.clientsMaximum, this.#admissions.size)
    connection.ready(admission)
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    this.#pending.delete(connection)
    this.#admissions.forget(connection)
  }

  async #publish(publication: Publication, from: Publisher, turns: InOrder): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    turns.after(
      this.router.accept(publication, from, 0),
      (accepted) => {
        this.router.deliver(accepted)
        resolve()
      },
      reject,
    )
    await promise
  }

  /** Rights may have changed since CONNECT: without them it goes nowhere, and is counted. */
  async #publishWill(clientId: string, principal: Principal, will: Message, turns: InOrder): Promise<void> {
    // CONNECT has checked it.
    const topic = this.router.topics.of(will.topic)!
    const { reserved } = this.router.route(topic)
    if (reserved !== null || !new Rights(principal).mayPublish(will.topic)) {
      await this.refusals.refuse({ clientId, principal }, will.topic, reserved)
      return
    }
    const publication = new Publication(topic, new Uint8Array(will.payload), will.qos, will.retain)
    try {
      await this.#publish(publication, { clientId, principal, session: null }, turns)
    } catch (error) {
      this.#options.metrics.count("mesg_mqtt_will_failed_total")
      throw error
    }
  }

  #hand(handler: MessageHandler, publication: Publication): void {
    const incoming = new Incoming(publication, AGENT, [], true)
    void (async () => {
      try {
        await handler(incoming)
      } catch (error) {
        this.log.error("a retained message could not be handled", { topic: incoming.topic, error: messageOf(error) })
      }
    })()
  }

  #unhold(): void {
    if (this.holding || this.router.saturated) return
    const waiting = Array.from(this.held)
    this.held.clear()
    for (const connection of waiting) connection.unhold()
  }

  #sweep(): void {
    this.nowMs = this.#options.clock.elapsed()
    let waiting = 0
    for (const connection of this.#connections) {
      waiting += connection.waitingBytes
      connection.sweep(this.nowMs)
    }
    this.outputs.bytesPerClientMax =
      waiting > MQTT_OUTPUT_BYTES_MAX ? MQTT_OUTPUT_BYTES_PER_CLIENT_CROWDED : MQTT_OUTPUT_BYTES_PER_CLIENT_MAX
  }

  #tellSys(): void {
    this.router.tellLeftOut()
    const connected = this.#admissions.size
    const facts = {
      version: this.#options.version,
      uptimeS: Math.floor((this.#options.clock.elapsed() - this.#startedMs) / 1000),
      connected,
      disconnected: this.sessions.size - connected,
      retained: this.#retained.count,
      subscriptions: this.router.subscriptionCount,
      queuedBytes: this.sessions.queuedBytes,
    }
    const owner = AGENT.principal.name
    for (const [name, text] of sysMessages(facts, this.counters)) {
      const payload = new TextEncoder().encode(text)
      const topic = this.router.topics.of(name)!
      this.#retained.set({ topic: name, payload, qos: 0, owner })
      const route = this.router.route(topic)
      this.router.deliver({ publication: new Publication(topic, payload, 0, false), owner, route, places: new Map() })
    }
  }

  #watch(metrics: Metrics): void {
    const { counters } = this
    metrics.gauge("mesg_mqtt_clients", "MQTT clients connected", () => this.#admissions.size)
    metrics.gauge("mesg_mqtt_publish_received", "PUBLISH packets received", () => counters.publishReceived)
    metrics.gauge("mesg_mqtt_publish_sent", "PUBLISH packets sent", () => counters.publishSent)
    metrics.gauge("mesg_mqtt_queued_bytes", "bytes queued for MQTT clients", () => this.sessions.queuedBytes)
    metrics.gauge("mesg_mqtt_protocol_faults", "connections closed for a fault", () => counters.protocolFaults)
    metrics.gauge("mesg_mqtt_retained", "retained messages", () => this.#retained.count)
  }
}
