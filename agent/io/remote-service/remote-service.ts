import { randomUUID } from "node:crypto"
import mqtt, { type IClientOptions, type MqttClient } from "mqtt"
import { mqttAddress } from "../../base/mqtt-address.ts"
import { isMesgError, MesgError, messageOf } from "../../base/errors.ts"
import {
  EVENT_DATA_BYTES_MAX,
  EVENT_ID_LENGTH_MAX,
  REMOTE_EVENTS_PENDING_MAX,
  REMOTE_RECONNECT_MS_MAX,
  RESULT_DATA_BYTES_MAX,
} from "../../base/limits.ts"
import type {
  RemoteHandlers,
  RemoteOptions,
  RemoteServiceHandle,
  RemoteTaskContext,
} from "../../ports/remote-author.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { ManifestInput } from "../../schema/manifest.ts"
import { plainJson } from "../../schema/plain-json.ts"
import { type ServiceAnswer, type ServiceRequest, serviceTopic } from "../../schema/service-message.ts"
import { Answered } from "./answered.ts"
import { checkRequest } from "./request-check.ts"

export type RemoteServiceErrorDetail =
  | { readonly code: "REMOTE_REFUSED"; readonly service: string }
  | { readonly code: "REMOTE_UNREACHABLE"; readonly service: string }
  | { readonly code: "REMOTE_BUSY"; readonly service: string }
  | { readonly code: "REMOTE_EVENT_INVALID"; readonly service: string }

/** What can go wrong between a service behind MQTT and its Core. */
export class RemoteServiceError extends MesgError<RemoteServiceErrorDetail> {}

type Kind = "task" | "verify" | "recover"
const KINDS: readonly Kind[] = ["task", "verify", "recover"]
const RECONNECT_MS = 500

/**
 * A Service in a program of its own, bridged to its Core over MQTT. Registers its manifest, answers its tasks, emits its
 * events, and does so again after every reconnection.
 * @see docs/spec/service.md#topics
 */
export class RemoteServiceClient implements RemoteServiceHandle {
  readonly id: string
  #manifest: ManifestInput
  #handlers: RemoteHandlers
  readonly #options: RemoteOptions
  readonly #answered = new Answered<ServiceAnswer>()
  readonly #life = new AbortController()
  #verdict = pendingVerdict()
  #client: MqttClient | undefined
  #core: string | null
  #pending = 0
  /** Whether what the Core says is about the manifest of now. */
  #hears = false

  constructor(manifest: ManifestInput, handlers: RemoteHandlers, options: RemoteOptions) {
    this.id = manifest.id
    this.#manifest = manifest
    this.#handlers = handlers
    this.#options = options
    this.#core = options.core ?? null
  }

  /** @throws RemoteServiceError REMOTE_REFUSED (the Core does not take the manifest), REMOTE_UNREACHABLE (by the signal) */
  async start(signal?: AbortSignal): Promise<void> {
    const { ca } = this.#options
    const options: IClientOptions = {
      protocolVersion: 4,
      clientId: this.#options.clientId ?? `service-${this.id}`,
      // With a session the Core keeps requests for us through a short absence; what is too old by then names its deadline.
      clean: false,
      manualConnect: true,
      reconnectPeriod: RECONNECT_MS,
      resubscribe: false,
      ...(ca === undefined ? {} : { ca }),
    }
    const client = mqtt.connect({ ...options, ...this.#login() })
    this.#client = client
    let failures = 0
    client.on("connect", () => {
      failures = 0
      client.options.reconnectPeriod = RECONNECT_MS
      this.#register(client).catch((error: unknown) => this.#log("warn", "not registered", { error: messageOf(error) }))
    })
    client.on("close", () => {
      failures += 1
      client.options.reconnectPeriod = Math.min(RECONNECT_MS * 2 ** failures, REMOTE_RECONNECT_MS_MAX)
      try {
        Object.assign(client.options, this.#login())
      } catch (error) {
        this.#log("warn", "nobody says where the broker is", { error: messageOf(error) })
      }
    })
    client.on("error", (error) => this.#log("warn", "the connection failed", { error: error.message }))
    client.on("message", (topic, payload, { retain }) => this.#take(topic, payload, retain))
    client.connect()
    try {
      await this.#heard(signal)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async update(manifest: ManifestInput, handlers: RemoteHandlers, signal?: AbortSignal): Promise<void> {
    if (manifest.id !== this.id) throw new TypeError(`${this.id} cannot become ${manifest.id}`)
    const client = this.#connected()
    this.#manifest = manifest
    this.#handlers = handlers
    this.#verdict = pendingVerdict()
    const heard = this.#heard(signal)
    // Without a connection the next one registers it.
    if (client.connected) {
      this.#register(client).catch((error: unknown) => this.#log("warn", "not registered", { error: messageOf(error) }))
    }
    await heard
  }

  /** The Core's verdict on the manifest of now. */
  async #heard(signal: AbortSignal | undefined): Promise<void> {
    const { promise, reject } = this.#verdict
    const giveUp = () => {
      const message = `the Core did not take "${this.id}" in time`
      reject(new RemoteServiceError({ code: "REMOTE_UNREACHABLE", service: this.id }, message))
    }
    if (signal?.aborted) giveUp()
    signal?.addEventListener("abort", giveUp, { once: true })
    try {
      await promise
    } finally {
      signal?.removeEventListener("abort", giveUp)
    }
  }

  /** Where the broker is at the moment, and how to be let in. */
  #login(): IClientOptions {
    const { mqtt: url, password, username = password === undefined ? undefined : this.id } = this.#options
    const address = mqttAddress(typeof url === "function" ? url() : url) as IClientOptions
    const secret = typeof password === "function" ? password() : password
    return {
      ...address,
      // [MQTT-3.1.2-22] A password comes with a name, or not at all.
      ...(username === undefined ? {} : { username }),
      ...(secret === undefined ? {} : { password: secret }),
    }
  }

  async stop(): Promise<void> {
    this.#life.abort(new Error(`${this.id} stops`))
    // Without a connection nobody will acknowledge what is on its way: waiting for it would have no end.
    await this.#client?.endAsync(!this.#client.connected)
  }

  async unregister(): Promise<void> {
    await this.#client?.publishAsync(serviceTopic.manifest(this.id), "", { qos: 1, retain: true })
  }

  async emit(event: string, data: unknown, options: { id?: string } = {}): Promise<void> {
    const refuse = (message: string) => {
      throw new RemoteServiceError({ code: "REMOTE_EVENT_INVALID", service: this.id }, `event ${event}: ${message}`)
    }
    const plain = plainJson(data, EVENT_DATA_BYTES_MAX)
    if (!plain.ok) return refuse(`${plain.path || "its data"} ${plain.message}`)
    // Always with an id: QoS 1 may deliver twice, and the Core recognises the second one by it.
    const id = options.id ?? randomUUID()
    if (!/^[^/+#\0]+$/.test(id) || id.length > EVENT_ID_LENGTH_MAX) {
      return refuse(`an id is part of a topic: 1 to ${EVENT_ID_LENGTH_MAX} characters without / + #`)
    }
    if (this.#pending >= REMOTE_EVENTS_PENDING_MAX) {
      const message = `${this.#pending} events wait for the Core already`
      throw new RemoteServiceError({ code: "REMOTE_BUSY", service: this.id }, message)
    }
    this.#pending += 1
    try {
      await this.#connected().publishAsync(`${serviceTopic.event(this.id, event)}/${id}`, JSON.stringify(plain.value), {
        qos: 1,
      })
    } finally {
      this.#pending -= 1
    }
  }

  /** The verdict is said live, after the manifest: what is retained is an older one, or that of a service of the Core. */
  async #register(client: MqttClient): Promise<void> {
    this.#hears = false
    const topics = [...KINDS.map((kind) => serviceTopic[kind](this.id, "+")), serviceTopic.status(this.id)]
    const granted = await client.subscribeAsync(topics, { qos: 1 })
    if (granted.some(({ qos }) => qos === 128)) {
      return this.#refused(`the broker does not give ${this.id} its topics; is its password the service's own token?`)
    }
    this.#hears = true
    await client.publishAsync(serviceTopic.manifest(this.id), JSON.stringify(this.#manifest), { qos: 1, retain: true })
  }

  #refused(reasons: string): void {
    const message = `the Core refuses ${this.id}: ${reasons}`
    const options = { remedy: "correct the manifest; `mesg service validate` shows the same reasons" }
    this.#log("error", "refused by the Core", { reasons })
    this.#verdict.reject(new RemoteServiceError({ code: "REMOTE_REFUSED", service: this.id }, message, options))
  }

  #take(topic: string, payload: Uint8Array, retained: boolean): void {
    const [, , , kind = "", task = ""] = topic.split("/")
    if (topic === serviceTopic.status(this.id)) {
      if (!this.#hears || retained) return
      const verdict = Buffer.from(payload).toString("utf8")
      if (verdict === "ok") this.#verdict.resolve()
      else if (verdict !== "") this.#refused(verdict)
    } else if ((KINDS as readonly string[]).includes(kind)) {
      void this.#serve(kind as Kind, task, payload)
    }
  }

  async #serve(kind: Kind, task: string, payload: Uint8Array): Promise<void> {
    const checked = checkRequest(payload, this.#core ?? claimedSender(payload))
    if (!checked.ok) return this.#log("warn", "a request was dropped", { task, reason: checked.reason })
    const { request } = checked
    if (this.#core === null) {
      this.#core = request.from
      this.#log("warn", "took the sender of the first request for this service's Core; pin it with `core`", {
        core: request.from,
      })
    }
    if (request.task !== task)
      return this.#log("warn", "a request was dropped", { task, reason: "is for another task" })
    const leftMs = Date.parse(request.deadline) - Date.now()
    if (!(leftMs > 0)) return this.#log("warn", "a request was dropped", { task, reason: "is past its deadline" })
    const key = `${kind} ${request.execution}`
    const known = this.#answered.begin(key)
    if (known === "running") return
    if (known === "full") return this.#log("error", "a request was dropped", { task, reason: "too many are running" })
    const answer = known === "new" ? await this.#answer(kind, request, leftMs) : known.answer
    if (known === "new") this.#answered.end(key, answer ?? failed("TIMED_OUT", `${task} was not done in time`))
    // The Core ends the task by its own clock, as `timed-out`: an error of ours must not come before that.
    if (answer === null) return
    try {
      await this.#connected().publishAsync(serviceTopic.result(this.id, request.execution), JSON.stringify(answer), {
        qos: 1,
      })
    } catch (error) {
      this.#log("error", "an answer was not sent", { task, error: messageOf(error) })
    }
  }

  /** @returns null where the handler gave up because its time was over, or the service stops */
  async #answer(kind: Kind, request: ServiceRequest, leftMs: number): Promise<ServiceAnswer | null> {
    const { task } = request
    const group = this.#handlers[kind === "task" ? "tasks" : kind] ?? {}
    const handler = Object.hasOwn(group, task) ? group[task] : undefined
    if (handler === undefined) return failed("TASK_UNKNOWN", `${this.id} cannot ${kind} ${task}`)
    const ctx = this.#context(request, leftMs)
    try {
      if (kind === "verify") {
        const verdict = await (handler as (...args: unknown[]) => unknown)(request.inputs, request.result, ctx)
        return { status: verdict === true ? "correct" : "incorrect", data: {} }
      }
      const said = await (handler as (...args: unknown[]) => unknown)(request.inputs, ctx)
      if (kind === "recover" && said === "not-done") return failed("NOT_DONE", `${task} had not been done`)
      if (kind === "recover" && said === "unknown") return failed("UNKNOWN", `nobody can say whether ${task} was done`)
      return resultOf(task, said)
    } catch (error) {
      if (ctx.signal.aborted) return null
      return failed(isMesgError(error) ? error.code : "SERVICE_THREW", messageOf(error))
    }
  }

  #context({ execution, task, deadline }: ServiceRequest, leftMs: number): RemoteTaskContext {
    // A timer holds at most 2^31-1 ms; a later deadline is as good as none.
    const late = AbortSignal.timeout(Math.min(leftMs, 2 ** 31 - 1))
    return {
      service: this.id,
      execution,
      task,
      deadlineMs: Date.parse(deadline),
      signal: AbortSignal.any([late, this.#life.signal]),
      emit: (event, data, options) => this.emit(event, data, options),
    }
  }

  #connected(): MqttClient {
    if (this.#client !== undefined && !this.#life.signal.aborted) return this.#client
    throw new RemoteServiceError({ code: "REMOTE_UNREACHABLE", service: this.id }, `${this.id} is not started`)
  }

  #log(level: "warn" | "error", message: string, fields: JsonObject): void {
    this.#options.log?.(level, message, fields)
  }
}

interface Verdict {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: RemoteServiceError): void
}

function pendingVerdict(): Verdict {
  let resolve = () => {}
  let reject = (_error: RemoteServiceError) => {}
  const promise = new Promise<void>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  // A refusal that comes while nobody waits was told to the log.
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/** Where no Core is pinned the first valid signature decides; the claim is checked against it. */
function claimedSender(payload: Uint8Array): string {
  try {
    const { from } = JSON.parse(Buffer.from(payload).toString("utf8")) as { from?: unknown }
    return typeof from === "string" ? from : ""
  } catch {
    return ""
  }
}

function resultOf(task: string, said: unknown): ServiceAnswer {
  const { status, data = {} } = (typeof said === "object" && said !== null ? said : {}) as Record<string, unknown>
  if (typeof status !== "string") return failed("SERVICE_RESULT_INVALID", `${task} returned no {status, data}`)
  const plain = plainJson(data, RESULT_DATA_BYTES_MAX)
  if (plain.ok) return { status, data: plain.value as Json }
  return failed("SERVICE_RESULT_INVALID", `${task}: ${plain.path || "its data"} ${plain.message}`)
}

function failed(code: string, message: string): ServiceAnswer {
  return { error: { code, message } }
}
