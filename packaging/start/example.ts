import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import mqtt, { type IClientOptions, type MqttClient } from "mqtt"
import * as v from "valibot"
import { parse } from "yaml"
import { callAgent } from "../../agent/api/cli/client.ts"
import { CliError } from "../../agent/api/cli/error.ts"
import { mqttAddress } from "../../agent/base/mqtt-address.ts"
import type { Terminal } from "../../agent/api/cli/terminal.ts"
import type { AgentFile } from "../../agent/api/run-files.ts"
import { ApplicationSchema } from "../../agent/schema/application.ts"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import { type First, lineOf } from "./guide.ts"

const CHARGER = fileURLToPath(new URL("../../docs/examples/electric-car/charger.ts", import.meta.url))
const APPLICATION = new URL("../../docs/examples/electric-car/app.yml", import.meta.url)
const APP = "ev-charging"
const FEED = `mesg/v1/feed/execution/${APP}/+`
/** The same at every start: the agent recognises it, and makes one execution of it. */
const FIRST = { id: "the-first-charge", car: "c-1", kwh: 12.5, price: 0.32 }
const FIRST_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 5_000

/** The example application, its simulated charger in a process of its own, and an ear on their executions. */
export class Example {
  readonly #home: string
  readonly #agent: AgentFile
  readonly #endpoint: { url: string; token: string; pid: number }
  readonly #terminal: Terminal
  readonly #listeners = new Set<(execution: ExecutionView) => void>()
  #charger: ChildProcess | null = null
  #ear: MqttClient | null = null
  stopped = false

  constructor(home: string, { agent, token }: { agent: AgentFile; token: string }, terminal: Terminal) {
    this.#home = home
    this.#agent = agent
    this.#endpoint = { url: agent.http, token, pid: agent.pid }
    this.#terminal = terminal
  }

  async start(): Promise<void> {
    this.#charger = fork(CHARGER, [this.#home], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    const said = await this.#hear()
    if (said["ready"] !== true) throw new Error(`the charger says ${JSON.stringify(said)}`)
    // Only now are the services known that the application stands on.
    await this.#deploy()
    this.#ear = await mqtt.connectAsync({
      ...(mqttAddress(this.#agent.mqtt!) as IClientOptions),
      username: "owner",
      password: this.#endpoint.token,
    })
    this.#ear.on("message", (_, payload) => {
      const execution = JSON.parse(payload.toString("utf8")) as ExecutionView
      for (const listener of this.#listeners) listener(execution)
    })
    await this.#ear.subscribeAsync(FEED, { qos: 1 })
  }

  /** The charger reports its first charge. Resolves when the execution has ended, or at least has been there a while. */
  async first(): Promise<First> {
    const ended = Promise.withResolvers<ExecutionView>()
    const listener = (execution: ExecutionView) => {
      if (execution.trigger.id === FIRST.id && execution.finished !== null) ended.resolve(execution)
    }
    this.#listeners.add(listener)
    try {
      const heard = this.#hear()
      this.#charger!.send(FIRST)
      const said = await heard
      if (said["charged"] !== FIRST.id) throw new Error(`the charger says ${JSON.stringify(said)}`)
      // What the agent has acknowledged is there: the one of this start, or of the first start of all.
      const execution = await this.#find()
      if (execution === null || execution.finished !== null) return { event: FIRST, execution }
      const late = setTimeout(() => ended.resolve(execution), FIRST_TIMEOUT_MS)
      const last = await ended.promise
      clearTimeout(late)
      return { event: FIRST, execution: last }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  /** From now on each execution that ends is told of. */
  tell(): void {
    this.#listeners.add((execution) => {
      if (execution.finished !== null) this.#terminal.out(`${lineOf(execution)}\n`)
    })
  }

  /** Works after a half start too. */
  async stop(): Promise<void> {
    this.stopped = true
    // Nobody is there any more to say goodbye to.
    this.#ear?.end(true)
    const charger = this.#charger
    if (charger === null || charger.exitCode !== null || charger.signalCode !== null) return
    const gone = once(charger, "exit")
    if (charger.connected) charger.disconnect()
    const late = setTimeout(() => charger.kill("SIGKILL"), STOP_TIMEOUT_MS)
    await gone
    clearTimeout(late)
  }

  /** The charger's next word. @throws where it ends instead */
  async #hear(): Promise<Record<string, unknown>> {
    const charger = this.#charger!
    const over = new AbortController()
    const { signal } = over
    try {
      const [said] = (await Promise.race([
        once(charger, "message", { signal }),
        once(charger, "exit", { signal }).then(([code]) => {
          throw new Error(`the charger ended with ${code}`)
        }),
      ])) as [Record<string, unknown>]
      return said
    } finally {
      over.abort()
    }
  }

  async #deploy(): Promise<void> {
    const document = parse(readFileSync(APPLICATION, "utf8")) as unknown
    const path = `/api/v1/applications/${APP}`
    const deployed = await this.#get<{ document: unknown }>(path)
    if (isDeepStrictEqual(deployed?.document, v.parse(ApplicationSchema, document))) return
    await callAgent(this.#endpoint, { method: "PUT", path, headers: {}, body: { application: document, config: {} } })
  }

  async #find(): Promise<ExecutionView | null> {
    let cursor: string | null = ""
    while (cursor !== null) {
      const more: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`
      const path = `/api/v1/executions?app=${APP}&limit=1000${more}`
      const page = (await this.#get<{ items: ExecutionView[]; cursor: string | null }>(path))!
      const found = page.items.find(({ trigger }) => trigger.id === FIRST.id)
      if (found !== undefined) return found
      cursor = page.cursor
    }
    return null
  }

  /** @returns null where there is no such thing */
  async #get<Body>(path: string): Promise<Body | null> {
    try {
      return (await callAgent(this.#endpoint, { method: "GET", path, headers: {} })).body as Body
    } catch (error) {
      if (error instanceof CliError && error.code === "APPLICATION_NOT_FOUND") return null
      throw error
    }
  }
}
