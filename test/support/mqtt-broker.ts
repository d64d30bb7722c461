import { createBroker, type BrokerOptions, type RunningBroker } from "../../agent/io/broker/broker.ts"
import { parse } from "valibot"
import type { Authenticate, Principal } from "../../agent/ports/broker.ts"
import type { Clock } from "../../agent/ports/clock.ts"
import type { Log, LogFields } from "../../agent/ports/log.ts"
import type { Metrics } from "../../agent/ports/metrics.ts"
import type { Store } from "../../agent/ports/store.ts"
import { ConfigSchema } from "../../agent/schema/config.ts"
import { MemoryStore } from "./memory-store.ts"

export const OWNER: Principal = { name: "owner", publish: ["#"], subscribe: ["#", "$SYS/#"] }
export const everybody: Authenticate = () => Promise.resolve(OWNER)

/** Keeps what was logged and counted, for assertions. */
export class Recorder implements Log, Metrics {
  readonly lines: { level: string; message: string; fields: LogFields }[] = []
  readonly counts = new Map<string, number>()
  readonly #gauges = new Map<string, () => number>()

  debug = (message: string, fields: LogFields = {}) => this.#keep("debug", message, fields)
  info = (message: string, fields: LogFields = {}) => this.#keep("info", message, fields)
  warn = (message: string, fields: LogFields = {}) => this.#keep("warn", message, fields)
  error = (message: string, fields: LogFields = {}) => this.#keep("error", message, fields)

  with(): Log {
    return this
  }

  count(name: string, by = 1, labels: Readonly<Record<string, string>> = {}): void {
    const key = [name, ...Object.values(labels)].join(" ")
    this.counts.set(key, (this.counts.get(key) ?? 0) + by)
  }

  gauge(name: string, _help: string, read: () => number): void {
    this.#gauges.set(name, read)
  }

  value(name: string): number | undefined {
    return this.#gauges.get(name)?.()
  }

  observe(): void {}

  text(): Promise<string> {
    return Promise.resolve("")
  }

  #keep(level: string, message: string, fields: LogFields): void {
    if (this.lines.length >= 10_000) this.lines.splice(0, 5000)
    this.lines.push({ level, message, fields })
  }
}

export interface TestBroker {
  readonly broker: RunningBroker
  readonly port: number
  readonly tlsPort: number | null
  readonly store: Store
  readonly recorder: Recorder
}

const systemClock: Clock = {
  now: () => Date.now(),
  wall: () => Date.now(),
  elapsed: () => performance.now(),
  schedule: () => () => {},
}

export interface TestOptions {
  readonly listen?: string
  readonly store?: Store
  readonly authenticate?: Authenticate
  readonly mqtt?: Partial<BrokerOptions["mqtt"]>
  readonly clock?: Clock
  readonly allowOrigin?: BrokerOptions["allowOrigin"]
  /** Before the broker starts: the agent's subscriptions. */
  readonly prepare?: (broker: RunningBroker) => void
}

/** A broker on a free port of loopback, stopped by `stopBrokers`. */
export async function startBroker(options: TestOptions = {}): Promise<TestBroker> {
  const store = options.store ?? new MemoryStore()
  const recorder = new Recorder()
  const broker = createBroker({
    listen: options.listen ?? "127.0.0.1",
    mqtt: { ...parse(ConfigSchema, {}).mqtt, port: 0, ...options.mqtt },
    version: "0.0.0",
    store,
    log: recorder,
    metrics: recorder,
    clock: options.clock ?? systemClock,
    authenticate: options.authenticate ?? everybody,
    allowOrigin: options.allowOrigin ?? (() => true),
  })
  options.prepare?.(broker)
  // Stopped after a start that fails, too.
  running.add(broker)
  const bound = await broker.start()
  return { broker, port: bound.mqtt.port, tlsPort: bound.tls?.port ?? null, store, recorder }
}

const running = new Set<RunningBroker>()

export async function stopBroker(broker: RunningBroker): Promise<void> {
  running.delete(broker)
  await broker.stop()
}

export async function stopBrokers(): Promise<void> {
  await Promise.all(Array.from(running, stopBroker))
}
