import { utf8 } from "../../base/bytes.ts"
import { type ServiceId, type TaskExecutionId, taskExecutionId } from "../../base/ids.ts"
import { isFinished } from "../../core/execution/state.ts"
import type { Broker } from "../../ports/broker.ts"
import type {
  Isolation,
  RunningService,
  ServiceHost,
  ServiceShelf,
  ServiceSpec,
  WebhookRequest,
  WebhookResponse,
} from "../../ports/service-host.ts"
import { compileDataSchema, type DataCheck } from "../../schema/data-schema.ts"
import type { Event } from "../../schema/event.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { type ServiceAnswer, serviceTopic } from "../../schema/service-message.ts"
import { TABLE } from "../../schema/tables.ts"
import { pinCall } from "../applications/pinned.ts"
import type { Page, Paging, Services, ServiceView } from "../core.ts"
import type { EventInbox } from "../events/events.ts"
import type { ExecutionBook } from "../executions/executions.ts"
import type { FeedLog } from "../feed.ts"
import { pageOf } from "../page.ts"
import type { EnginePorts } from "../ports.ts"
import type { AttemptEnd, Tasks } from "../tasks/tasks.ts"
import { RegistryError } from "./error.ts"
import { Hosted } from "./hosted.ts"
import { bridgeMqtt } from "./mqtt-bridge.ts"
import { pluginBridge } from "./plugin-bridge.ts"
import { RemoteService } from "./remote.ts"
import { openSettings, sealSettings, showSettings } from "./secrets.ts"
import { Webhooks } from "./webhooks.ts"

/** A service of this home as stored. One that ships with the agent is stored only when it was configured. */
interface ServiceRecord {
  readonly v: 1
  /** Null for one that ships with the agent. */
  readonly folder: string | null
  readonly isolation: Isolation
  readonly networkAny: boolean
  /** Secrets sealed. */
  readonly config: JsonObject
}

interface Remote {
  readonly manifest: Manifest
  readonly running: RemoteService
}

export interface ServicePorts extends EnginePorts {
  readonly broker: Broker
  readonly host: ServiceHost
  readonly shelf: ServiceShelf
}

/** Every service this Core knows: those it runs, and those that registered over MQTT. */
export class ServiceBook implements Services {
  readonly #ports: ServicePorts
  readonly #feed: FeedLog
  readonly #webhooks = new Webhooks()
  readonly #hosted = new Map<string, Hosted>()
  readonly #records = new Map<string, ServiceRecord>()
  readonly #remote = new Map<string, Remote>()
  readonly #eventChecks = new WeakMap<Manifest, Map<string, DataCheck>>()
  #inbox!: EventInbox
  #executions!: ExecutionBook
  #tasks!: Tasks
  #stopBridge = () => {}

  constructor(ports: ServicePorts, feed: FeedLog) {
    this.#ports = ports
    this.#feed = feed
  }

  /** The engine's parts know each other: the inbox needs manifests, services need the inbox. */
  connect(inbox: EventInbox, executions: ExecutionBook, tasks: Tasks): void {
    this.#inbox = inbox
    this.#executions = executions
    this.#tasks = tasks
  }

  /** Learns what is installed; nothing runs yet. @param builtIn folders of the services that ship with the agent */
  async load(builtIn: readonly string[]): Promise<void> {
    for (const folder of builtIn) {
      const manifest = await this.#ports.host.manifestOf(folder)
      const stored = this.#ports.store.get(TABLE.service, [manifest.id]) as ServiceRecord | undefined
      this.#install(
        manifest,
        folder,
        stored ?? { v: 1, folder: null, isolation: "in-process", networkAny: true, config: {} },
      )
    }
    for (const { key, value } of this.#ports.store.range(TABLE.service)) {
      const record = value as ServiceRecord
      if (record.folder === null || this.#hosted.has(String(key[0]))) continue
      try {
        this.#install(await this.#ports.host.manifestOf(record.folder), record.folder, record)
      } catch (error) {
        this.#ports.log.error("an installed service cannot be read", {
          service: key[0],
          folder: record.folder,
          error: String(error),
        })
      }
    }
  }

  /** Starts them all, side by side, and opens the MQTT bridge. */
  async start(): Promise<void> {
    this.#stopBridge = bridgeMqtt({
      broker: this.#ports.broker,
      log: this.#ports.log,
      inbox: this.#inbox,
      register: (manifest) => this.#register(manifest),
      unregister: (service) => this.#unregister(service),
      isHosted: (service) => this.#hosted.has(service),
      answer: (service, execution, answer) => this.#answer(service, execution, answer),
    })
    await Promise.all([...this.#hosted.values()].map((hosted) => hosted.start()))
  }

  async stop(): Promise<void> {
    this.#stopBridge()
    await Promise.all([...this.#hosted.values()].map((hosted) => hosted.stop()))
  }

  manifest(id: string): Manifest | undefined {
    return this.#hosted.get(id)?.spec.manifest ?? this.#remote.get(id)?.manifest
  }

  /** The check of one event's data, compiled once per manifest. */
  eventCheck(service: string, event: string): DataCheck | "unknown-service" | "unknown-event" {
    const manifest = this.manifest(service)
    if (manifest === undefined) return "unknown-service"
    let checks = this.#eventChecks.get(manifest)
    if (checks === undefined) this.#eventChecks.set(manifest, (checks = new Map()))
    const known = checks.get(event)
    if (known !== undefined) return known
    if (!Object.hasOwn(manifest.events, event)) return "unknown-event"
    const compiled = compileDataSchema(manifest.events[event]!.data)
    const check: DataCheck = compiled.ok ? compiled.check : () => [{ path: "", message: compiled.message }]
    checks.set(event, check)
    return check
  }

  /** The service a task runs on: waits while it is starting. */
  running(id: string, signal: AbortSignal): RunningService | null | Promise<RunningService | null> {
    return this.#hosted.get(id)?.whenRunning(signal) ?? this.#remote.get(id)?.running ?? null
  }

  list(paging: Paging): Page<ServiceView> {
    const ids = [...new Set([...this.#hosted.keys(), ...this.#remote.keys()])].sort()
    return pageOf(
      ids,
      paging,
      (id) => id,
      (id) => this.#view(id),
    )
  }

  show(id: ServiceId): ServiceView & { readonly manifest: Manifest; readonly config: JsonObject } {
    const manifest = this.#find(id)
    const config = showSettings(manifest, this.#records.get(id)?.config ?? {})
    return { ...this.#view(id), manifest, config }
  }

  async add(
    source: string,
    options: { trust: boolean; config?: JsonObject; networkAny?: boolean },
  ): Promise<ServiceView> {
    const { host, shelf, store, keys } = this.#ports
    const given = await host.manifestOf(source)
    const { id } = given
    if (this.#records.get(id)?.folder === null) {
      throw new RegistryError({ code: "SERVICE_BUILT_IN", service: id }, `service "${id}" ships with the agent`, {
        remedy: "give your service another id",
      })
    }
    if (this.#remote.has(id)) {
      throw new RegistryError({ code: "SERVICE_ID_TAKEN", service: id }, `service "${id}" is registered over MQTT`, {
        remedy: `unregister it there first: publish an empty retained message to ${serviceTopic.manifest(id)}`,
      })
    }
    const before = this.#records.get(id)
    const folder = await shelf.put(source, id)
    const manifest = await host.manifestOf(folder)
    const config = { ...before?.config, ...sealSettings(manifest, options.config ?? {}, keys) }
    const isolation: Isolation = options.trust ? "in-process" : "confined"
    const record: ServiceRecord = {
      v: 1,
      folder,
      isolation,
      networkAny: options.networkAny ?? before?.networkAny ?? false,
      config,
    }
    await store.write([{ put: TABLE.service, key: [id], value: record }])
    const running = this.#hosted.get(id)
    if (running === undefined) await this.#install(manifest, folder, record).start()
    else {
      this.#records.set(id, record)
      await running.replace(this.#spec(manifest, folder, record))
    }
    if (before?.folder != null && before.folder !== folder) await shelf.remove(before.folder)
    await this.#announce(id)
    return this.#view(id)
  }

  async configure(id: ServiceId, config: JsonObject): Promise<ServiceView> {
    const manifest = this.#find(id)
    const hosted = this.#hosted.get(id)
    const record = this.#records.get(id)
    if (hosted === undefined || record === undefined) throw remoteError(id)
    for (const name of Object.keys(config)) {
      if (!Object.hasOwn(manifest.config, name)) {
        throw new RegistryError(
          { code: "SERVICE_SETTING_UNKNOWN", service: id, setting: name },
          `service "${id}" has no setting "${name}"`,
          {
            remedy: `its settings: ${Object.keys(manifest.config).join(", ") || "none"}`,
          },
        )
      }
    }
    const merged = { ...record.config, ...sealSettings(manifest, config, this.#ports.keys) }
    const next: ServiceRecord = {
      ...record,
      config: Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)),
    }
    await this.#ports.store.write([{ put: TABLE.service, key: [id], value: next }])
    this.#records.set(id, next)
    await hosted.replace(this.#spec(manifest, hosted.spec.folder, next))
    return this.#view(id)
  }

  async remove(id: ServiceId): Promise<void> {
    this.#find(id)
    const record = this.#records.get(id)
    if (record === undefined) throw remoteError(id)
    if (record.folder === null) {
      throw new RegistryError(
        { code: "SERVICE_BUILT_IN", service: id },
        `service "${id}" ships with the agent and stays`,
      )
    }
    const values = [...this.#ports.store.range(TABLE.serviceStore, { prefix: [id] })]
    await this.#ports.store.write([
      { remove: TABLE.service, key: [id] },
      ...values.map(({ key }) => ({ remove: TABLE.serviceStore, key })),
    ])
    await this.#hosted.get(id)?.stop()
    this.#hosted.delete(id)
    this.#records.delete(id)
    await this.#ports.shelf.remove(record.folder)
    for (const topic of [serviceTopic.manifest(id), serviceTopic.status(id)]) {
      await this.#ports.broker.publish({ topic, payload: new Uint8Array(0), qos: 1, retain: true })
    }
  }

  async call(id: ServiceId, task: string, inputs: Json, waitMs: number) {
    const manifest = this.#find(id)
    const declared = Object.hasOwn(manifest.tasks, task) ? manifest.tasks[task] : undefined
    if (declared === undefined) {
      throw new RegistryError(
        { code: "SERVICE_TASK_NOT_FOUND", service: id, task },
        `service "${id}" has no task "${task}"`,
        {
          remedy: `its tasks: ${Object.keys(manifest.tasks).join(", ") || "none"}`,
        },
      )
    }
    const room = this.#executions.room(false)
    if (room !== null) await room
    const pinned = pinCall(id, task, declared)
    const event: Event = { service: id, event: "call", data: inputs, id: null, timeMs: this.#ports.clock.now() }
    const pin = { app: "call", workflow: `${id}.${task}`, version: 0, call: { service: id, task, manifest: declared } }
    const live = await this.#executions.create(pin, pinned, event, null)
    if (waitMs > 0) {
      await this.#executions.follow(live, isFinished, AbortSignal.timeout(waitMs))
    }
    const state = live.durable!
    const ended = isFinished(state)
    const { status, data } = state.tasks[0]!
    return {
      execution: taskExecutionId(live.id, "call"),
      ended,
      status: ended ? status : null,
      data: ended ? data : null,
    }
  }

  webhook(request: WebhookRequest): Promise<WebhookResponse | null> {
    return this.#webhooks.answer(request)
  }

  #install(manifest: Manifest, folder: string, record: ServiceRecord): Hosted {
    this.#records.set(manifest.id, record)
    const { host, clock, log } = this.#ports
    const hosted: Hosted = new Hosted(this.#spec(manifest, folder, record), {
      host,
      clock,
      log,
      bridge: (spec, ended) => this.#bridge(spec.manifest.id, ended),
      changed: () => this.#tell(this.#view(manifest.id)),
    })
    this.#hosted.set(manifest.id, hosted)
    return hosted
  }

  readonly #bridges = new Map<string, () => void>()

  #bridge(service: string, ended: (reason: { code: string; message: string }) => void) {
    this.#bridges.get(service)?.()
    const parts = {
      ports: this.#ports,
      broker: this.#ports.broker,
      webhooks: this.#webhooks,
      accept: this.#inbox.accept.bind(this.#inbox),
    }
    const { bridge, close } = pluginBridge(service, parts, ended)
    this.#bridges.set(service, close)
    return bridge
  }

  #spec(manifest: Manifest, folder: string, record: ServiceRecord): ServiceSpec {
    return {
      manifest,
      folder,
      isolation: record.isolation,
      config: openSettings(manifest, record.config, this.#ports.keys),
      grants: { network: record.networkAny ? "any" : "declared" },
    }
  }

  /** In-process services are visible on the same topics as remote ones. */
  async #announce(id: string): Promise<void> {
    const manifest = utf8(JSON.stringify(this.#hosted.get(id)!.spec.manifest))
    await this.#ports.broker.publish({ topic: serviceTopic.manifest(id), payload: manifest, qos: 1, retain: true })
    await this.#ports.broker.publish({ topic: serviceTopic.status(id), payload: utf8("ok"), qos: 1, retain: true })
  }

  /** Announces what changed since it was last announced: nothing is written when nothing happens. */
  async announceAll(): Promise<void> {
    for (const [id, { spec }] of this.#hosted) {
      const [said] = this.#ports.broker.retained(serviceTopic.manifest(id))
      const now = utf8(JSON.stringify(spec.manifest))
      if (said === undefined || Buffer.compare(said.payload, now) !== 0) await this.#announce(id)
    }
  }

  #register(manifest: Manifest): string | null {
    if (this.#hosted.has(manifest.id)) return `service "${manifest.id}" runs on this Core`
    const before = this.#remote.get(manifest.id)
    const running = before?.running ?? new RemoteService(manifest.id, this.#ports.broker, this.#ports.keys)
    this.#remote.set(manifest.id, { manifest, running })
    this.#tell(this.#view(manifest.id))
    return null
  }

  #unregister(id: string): void {
    if (!this.#remote.has(id)) return
    const view = this.#view(id)
    this.#remote.delete(id)
    this.#tell({ ...view, state: "stopped" })
  }

  #tell(service: ServiceView): void {
    this.#feed.publish(`service/${service.id}`, () => ({ kind: "service", service }))
  }

  async #answer(service: string, execution: TaskExecutionId, answer: ServiceAnswer): Promise<void> {
    if (this.#remote.get(service)?.running.answered(execution, answer)) return
    const rejected = await this.#executions.result(service, execution, endOf(answer))
    if (rejected === null) this.#tasks.abort(execution)
  }

  #view(id: string): ServiceView {
    const hosted = this.#hosted.get(id)
    const manifest = this.#find(id)
    return {
      id: manifest.id,
      name: manifest.name,
      version: manifest.version,
      description: manifest.description,
      kind: hosted?.spec.isolation ?? "mqtt",
      state: hosted?.state ?? "running",
      error: hosted?.error ?? null,
      events: Object.keys(manifest.events),
      tasks: Object.keys(manifest.tasks),
      restarts: hosted?.restarts ?? 0,
      memoryBytes: hosted?.running?.memory() ?? null,
    }
  }

  #find(id: string): Manifest {
    const manifest = this.manifest(id)
    if (manifest === undefined) {
      throw new RegistryError({ code: "SERVICE_NOT_FOUND", service: id }, `there is no service "${id}"`, {
        remedy: "see what is installed: mesg service list",
      })
    }
    return manifest
  }
}

function remoteError(id: string): RegistryError {
  return new RegistryError({ code: "SERVICE_REMOTE", service: id }, `service "${id}" runs behind MQTT`, {
    remedy: "configure or remove it where it runs",
  })
}

function endOf(answer: ServiceAnswer): AttemptEnd {
  if ("error" in answer) {
    return { kind: "failed", cause: "error", code: answer.error.code, message: answer.error.message, outcome: "known" }
  }
  return { kind: "result", status: answer.status, data: answer.data as Json }
}
