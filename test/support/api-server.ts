import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import type { ApiDeps, DoctorReport } from "../../agent/api/deps.ts"
import { createHttpServer, type HttpServer } from "../../agent/api/http/server.ts"
import { Tokens } from "../../agent/api/http/tokens.ts"
import { createLogTail } from "../../agent/api/log-tail.ts"
import { writeRunFiles } from "../../agent/api/run-files.ts"
import { seededRandom } from "../../agent/base/random.ts"
import { PrometheusMetrics } from "../../agent/io/metrics/metrics.ts"
import { type Config, ConfigSchema } from "../../agent/schema/config.ts"
import { FakeClock } from "./fake-clock.ts"
import { FAKE_TIME_MS, FakeCore } from "./fake-core.ts"
import { KeptLog, type LogLine } from "./kept-log.ts"
import { MemoryStore } from "./memory-store.ts"
import { tempDir } from "./temp-dir.ts"

export interface ApiServer {
  readonly core: FakeCore
  readonly clock: FakeClock
  readonly store: MemoryStore
  readonly tokens: Tokens
  readonly deps: ApiDeps
  readonly server: HttpServer
  readonly home: string
  readonly url: string
  /** What the log tells of bugs. */
  bugs(): readonly LogLine[]
  readonly upgrades: string[]
  readonly stops: { count: number }
  /** With the run token unless `token` says otherwise; null for none. */
  call(method: string, path: string, options?: CallOptions): Promise<ApiAnswer>
  stop(): Promise<void>
}

export interface CallOptions {
  readonly body?: unknown
  readonly raw?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
  readonly token?: string | null
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown
}

export interface ApiServerOptions {
  readonly config?: v.InferInput<typeof ConfigSchema>
  readonly store?: MemoryStore
  readonly change?: (deps: ApiDeps) => ApiDeps
}

const SECURITY: DoctorReport = {
  ok: true,
  checks: [
    { id: "user", ok: true, title: "User", detail: "not root", remedy: null, standards: ["ETSI EN 303 645 5.6"] },
  ],
}

/** The real HTTP server, real tokens and a memory store, over a FakeCore; on a free port of loopback. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const config: Config = v.parse(ConfigSchema, { ...options.config, http: { ...options.config?.http, port: 0 } })
  const home = tempDir("api")
  const core = new FakeCore()
  const clock = new FakeClock(FAKE_TIME_MS)
  const store = options.store ?? new MemoryStore()
  const random = seededRandom(FAKE_TIME_MS % 1000)
  const tokens = new Tokens({ store, clock, random })
  tokens.start()
  const kept = new KeptLog()
  const { log, tail } = createLogTail(kept, "debug", () => clock.wall())
  const bugs = () => kept.lines.filter(({ level, message }) => level === "error" && message.startsWith("a request "))
  const upgrades: string[] = []
  const stops = { count: 0 }
  const doctor: DoctorReport = {
    ok: false,
    checks: [
      { id: "store", ok: true, title: "Store", detail: "healthy", remedy: null, standards: [] },
      { id: "disk", ok: false, title: "Disk", detail: "97 % full", remedy: "remove what is not needed", standards: [] },
    ],
  }
  let httpUrl: string | null = null
  const deps: ApiDeps = {
    core,
    config,
    configuration: fakeConfiguration(),
    tokens,
    store,
    clock,
    random,
    log,
    metrics: new PrometheusMetrics(),
    logTail: tail,
    agent: {
      version: "0.1.0",
      nodeKey: "a".repeat(64),
      ready: () => true,
      uptimeMs: () => 90_000,
      storeRecovery: () => null,
      addresses: () => ({ mqtt: "mqtt://127.0.0.1:1883", http: httpUrl, p2p: [] }),
    },
    doctor: async (about) => (about === "health" ? doctor : SECURITY),
    network: null,
    backup: async (file, passphrase) => {
      writeFileSync(file, passphrase === null ? "the whole home" : "the whole home and its keys", { flag: "wx" })
    },
    temporaryFolder: home,
    requestStop: () => {
      stops.count++
    },
  }
  const brokerUpgrade = (request: IncomingMessage, socket: Duplex) => {
    upgrades.push(request.url ?? "")
    socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
  }
  const server = createHttpServer({ ...(options.change?.(deps) ?? deps), brokerUpgrade })
  await server.start()
  const { url } = server.address()!
  httpUrl = url
  mkdirSync(join(home, "run"))
  const p2p: string[] = []
  const started = new Date(FAKE_TIME_MS).toISOString()
  const agentFile = {
    pid: process.pid,
    version: "0.1.0",
    nodeKey: "a".repeat(64),
    mqtt: null,
    http: url,
    p2p,
    bound: { mqtt: null, mqttTls: null, http: new URL(url).host },
    started,
  }
  writeRunFiles(home, agentFile, tokens.runToken)
  const call: ApiServer["call"] = (method, path, asked = {}) => callServer(url, tokens.runToken, method, path, asked)
  return { core, clock, store, tokens, deps, server, home, url, bugs, upgrades, stops, call, stop: () => server.stop() }
}

async function callServer(
  url: string,
  runToken: string,
  method: string,
  path: string,
  asked: CallOptions,
): Promise<ApiAnswer> {
  const headers = new Headers(asked.headers)
  const token = asked.token === undefined ? runToken : asked.token
  if (token !== null && !headers.has("authorization")) headers.set("authorization", `Bearer ${token}`)
  const body = asked.raw ?? (asked.body === undefined ? null : JSON.stringify(asked.body))
  if (body !== null && !headers.has("content-type")) headers.set("content-type", "application/json")
  const response = await fetch(new URL(path, url), { method, headers, body, redirect: "manual" })
  const text = await response.text()
  const isJson = (response.headers.get("content-type") ?? "").includes("json")
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

function fakeConfiguration(): ApiDeps["configuration"] {
  const description = "MQTT over TCP"
  return {
    entries: () => [{ key: "mqtt.port", value: 1883, source: "default", place: "", description }],
    set: async () => ({ restart: true }),
  }
}
