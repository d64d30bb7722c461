import type { Soon } from "../../base/soon.ts"
import { SERVICE_REFUSALS_KEPT_MAX } from "../../base/limits.ts"
import { Said } from "../../base/said.ts"
import { CALLED, type ServiceId, type TaskExecutionId, taskExecutionId } from "../../base/ids.ts"
import { isFinished } from "../../core/execution/state.ts"
import type { RunningService, Stop, WebhookRequest, WebhookResponse } from "../../ports/service-host.ts"
import { compileDataSchema, type DataCheck } from "../../schema/data-schema.ts"
import type { Event } from "../../schema/event.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { inAllForms, redacted } from "../../schema/redact.ts"
import { type ServiceAnswer, serviceTopic } from "../../schema/service-message.ts"
import { shownSettings } from "../../schema/settings.ts"
import type { ApplicationBook } from "../applications/applications.ts"
import { pinCall } from "../applications/pinned.ts"
import type { Page, Paging, Services, ServiceView } from "../core.ts"
import type { Demand } from "../events/demand.ts"
import type { EventCatalogue, EventIntake } from "../events/incoming.ts"
import type { ExecutionBook } from "../executions/executions.ts"
import { safeMode } from "../executions/room.ts"
import { shownData } from "../executions/view.ts"
import type { FeedLog } from "../feed.ts"
import { pageOf } from "../page.ts"
import type { AttemptEnd, Tasks } from "../tasks/tasks.ts"
import { RegistryError, serviceNotFound } from "./error.ts"
import { type AddOptions, Installed, type InstalledPorts } from "./installed.ts"
import { bridgeMqtt } from "./mqtt-bridge.ts"
import { pluginBridge } from "./plugin-bridge.ts"
import { Registered } from "./registered.ts"
import { ReservedTopics } from "./reserved-topics.ts"
import type { Veils } from "../veils.ts"
import { Webhooks } from "./webhooks.ts"

export type ServicePorts = InstalledPorts

/** Every service this Core knows: those it runs, and those that registered over MQTT. */
export class ServiceBook implements Services, EventCatalogue {
  readonly #ports: ServicePorts
  readonly #feed: FeedLog
  readonly #webhooks: Webhooks
  readonly #reserved: ReservedTopics
  readonly #installed: Installed
  readonly #registered: Registered
  readonly #eventChecks = new WeakMap<Manifest, Map<string, DataCheck>>()
  #inbox!: EventIntake
  #executions!: ExecutionBook
  #tasks!: Tasks
  #applications!: ApplicationBook
  readonly #saidToBeGone = new Said(SERVICE_REFUSALS_KEPT_MAX)
  #stopBridge = () => {}

  constructor(ports: ServicePorts, feed: FeedLog, demand: Demand, veils: Veils) {
    this.#ports = ports
    this.#feed = feed
    this.#webhooks = new Webhooks(ports.clock)
    this.#registered = new Registered(ports.broker, ports.keys)
    this.#reserved = new ReservedTopics(ports.broker, ports.log)
    this.#installed = new Installed(ports, veils, {
      reserve: (id) => this.#reserved.reserveManifest(id),
      bridge: (service, subscriptions, ended) => {
        const { broker } = ports
        return pluginBridge(
          service,
          { ports, broker, webhooks: this.#webhooks, inbox: this.#inbox, demand, subscriptions },
          ended,
        )
      },
      changed: (id) => this.#tell(this.#view(id)),
    })
  }

  /** The engine's parts know each other: the inbox needs manifests, services need the inbox. */
  connect(inbox: EventIntake, executions: ExecutionBook, tasks: Tasks, applications: ApplicationBook): void {
    this.#inbox = inbox
    this.#executions = executions
    this.#tasks = tasks
    this.#applications = applications
  }

  /** Learns what is installed; nothing runs yet. @param shipped folders of the services that ship with the agent */
  load(shipped: readonly string[]): Promise<void> {
    return this.#installed.load(shipped)
  }

  /** Opens the MQTT bridge and starts every service. */
  async start(): Promise<void> {
    const free = this.#reserved.reserveRest()
    const close = bridgeMqtt({
      broker: this.#ports.broker,
      log: this.#ports.log,
      inbox: this.#inbox,
      register: (manifest, clientId) => this.#register(manifest, clientId),
      unregister: (service) => this.#unregister(service),
      isHosted: (service) => this.#installed.has(service),
      heard: (service, clientId) => this.#registered.heard(service, clientId),
      answer: (service, execution, answer) => this.#answer(service, execution, answer),
    })
    this.#stopBridge = () => {
      close()
      free()
    }
    await this.#installed.start()
  }

  async stop(): Promise<void> {
    this.#stopBridge()
    await this.#installed.stop()
  }

  manifest(id: string): Manifest | undefined {
    return this.#installed.get(id)?.spec.manifest ?? this.#registered.manifest(id)
  }

  shownData({ service, event, data }: Event): Json {
    const { redact = [], forms } = this.manifest(service)?.events[event] ?? {}
    return redacted(data, inAllForms(redact, forms))
  }

  identifying(service: string, event: string, data: Json): Json {
    const fields = this.manifest(service)?.events[event]?.identity
    if (fields === undefined || typeof data !== "object" || data === null || Array.isArray(data)) return data
    return Object.fromEntries(Object.entries(data).filter(([name]) => fields.includes(name)))
  }

  /** Whether a service runs behind MQTT: what is sent to it waits in queues. */
  isRemote(id: string): boolean {
    return !this.#installed.has(id) && this.#registered.has(id)
  }

  /** The check of one event's data, compiled once per manifest. */
  eventCheck(service: string, event: string): DataCheck | "unknown-service" | "unknown-event" {
    const manifest = this.manifest(service)
    if (manifest === undefined) return "unknown-service"
    const checks = this.#eventChecks.get(manifest) ?? new Map<string, DataCheck>()
    const known = checks.get(event)
    if (known !== undefined) return known
    if (!Object.hasOwn(manifest.events, event)) return "unknown-event"
    const compiled = compileDataSchema(manifest.events[event]!.data)
    const check: DataCheck = compiled.ok ? compiled.check : () => [{ path: "", message: compiled.message }]
    checks.set(event, check)
    this.#eventChecks.set(manifest, checks)
    return check
  }

  /** The service a task runs on: waits while it is starting. */
  running(id: string, stop: Stop): Soon<RunningService | null> {
    const hosted = this.#installed.get(id)
    return hosted === undefined ? this.#registered.running(id) : hosted.whenRunning(stop)
  }

  wasStopped(id: string, run: RunningService): boolean {
    return this.#installed.get(id)?.wasStopped(run) ?? false
  }

  list(paging: Paging): Page<ServiceView> {
    const ids = [...new Set([...this.#installed.ids, ...this.#registered.ids])].sort()
    return pageOf(
      ids,
      paging,
      (id) => id,
      (id) => this.#view(id),
    )
  }

  show(id: ServiceId): ServiceView & { readonly manifest: Manifest; readonly config: JsonObject } {
    const manifest = this.#find(id)
    const view = this.#view(id)
    return { ...view, manifest, config: shownSettings(manifest, this.#installed.settings(id), view.lostSecrets) }
  }

  async add(source: string, options: AddOptions): Promise<ServiceView> {
    const { folder, close } = await this.#ports.sources.open(source)
    try {
      return await this.#add(folder, options)
    } finally {
      await close()
    }
  }

  async #add(folder: string, options: AddOptions): Promise<ServiceView> {
    const manifest = await this.#ports.host.manifestOf(folder)
    const { id } = manifest
    if (this.#registered.has(id)) {
      throw new RegistryError({ code: "SERVICE_ID_TAKEN", service: id }, `service "${id}" is registered over MQTT`, {
        remedy: `unregister it there first: publish an empty retained message to ${serviceTopic.manifest(id)}`,
      })
    }
    await this.#installed.add(folder, manifest, options)
    return this.#view(id)
  }

  async configure(id: ServiceId, config: JsonObject): Promise<ServiceView> {
    this.#findInstalled(id)
    await this.#installed.configure(id, config)
    return this.#view(id)
  }

  async remove(id: ServiceId): Promise<void> {
    this.#findInstalled(id)
    const view = this.#view(id)
    await this.#installed.remove(id)
    // Who looked when it stopped found it there still.
    this.#tell({ ...view, state: "stopped" })
    this.#applications.warnOfMissing(id)
  }

  async call(id: ServiceId, task: string, inputs: Json, waitMs: number, signal: AbortSignal) {
    const manifest = this.#find(id)
    const declared = Object.hasOwn(manifest.tasks, task) ? manifest.tasks[task] : undefined
    if (declared === undefined) {
      throw new RegistryError(
        { code: "SERVICE_TASK_NOT_FOUND", service: id, task },
        `service "${id}" has no task "${task}"`,
        { remedy: `its tasks: ${Object.keys(manifest.tasks).join(", ") || "none"}` },
      )
    }
    const event: Event = { service: id, event: "call", data: inputs, id: null, timeMs: this.#ports.clock.now() }
    const pin = { app: CALLED, workflow: `${id}.${task}`, version: 0, call: { service: id, task, manifest: declared } }
    const live = await this.#executions.create(pin, pinCall(id, task, declared), event, null)
    if (waitMs > 0) {
      const over = AbortSignal.any([AbortSignal.timeout(waitMs), signal])
      await this.#executions.follow(live, isFinished, over)
    }
    const state = live.durable!
    const execution = taskExecutionId(live.id, "call")
    if (!isFinished(state)) return { execution, ended: false, status: null, data: null }
    const { status, data } = state.tasks[0]!
    return { execution, ended: true, status, data: shownData(state.definition, 0, data) }
  }

  async webhook(request: WebhookRequest): Promise<WebhookResponse | null> {
    if (this.#executions.room.isClosed) throw safeMode()
    return this.#webhooks.answer(request)
  }

  #register(manifest: Manifest, clientId: string | null): void {
    this.#registered.register(manifest, clientId)
    this.#tell(this.#view(manifest.id))
  }

  #unregister(id: string): void {
    if (!this.#registered.has(id)) return
    const view = this.#view(id)
    this.#registered.unregister(id)
    this.#tell({ ...view, state: "stopped" })
    // One that comes and goes is named once.
    if (this.#saidToBeGone.isNews(id)) this.#applications.warnOfMissing(id)
  }

  async #answer(service: string, execution: TaskExecutionId, answer: ServiceAnswer): Promise<void> {
    if (this.#registered.answered(service, execution, answer)) return
    const rejected = await this.#executions.result(service, execution, endOf(answer))
    if (rejected === null) this.#tasks.abort(execution)
  }

  #tell(service: ServiceView): void {
    this.#feed.publish(`service/${service.id}`, () => ({ kind: "service", service }))
  }

  #view(id: string): ServiceView {
    const hosted = this.#installed.get(id)
    const manifest = this.#find(id)
    return {
      id: manifest.id,
      name: manifest.name,
      version: manifest.version,
      description: manifest.description,
      kind: hosted?.spec.isolation ?? "mqtt",
      shipped: this.#installed.isShipped(id),
      networkAny: hosted?.spec.grants.network === "any",
      state: hosted?.state ?? (this.#registered.online(id) ? "running" : "offline"),
      error: hosted?.error ?? null,
      events: Object.keys(manifest.events),
      tasks: Object.keys(manifest.tasks),
      restarts: hosted?.restarts ?? 0,
      memoryBytes: hosted?.running?.memory() ?? null,
      lostSecrets: this.#installed.lostSecrets(id),
      warnings: hosted?.warnings ?? [],
    }
  }

  #find(id: string): Manifest {
    const manifest = this.manifest(id)
    if (manifest === undefined) throw serviceNotFound(id)
    return manifest
  }

  #findInstalled(id: string): void {
    this.#find(id)
    if (this.#installed.has(id)) return
    throw new RegistryError({ code: "SERVICE_REMOTE", service: id }, `service "${id}" runs behind MQTT`, {
      remedy: "configure or remove it where it runs",
    })
  }
}

function endOf(answer: ServiceAnswer): AttemptEnd {
  if ("error" in answer) {
    const { code, message } = answer.error
    return { kind: "failed", cause: "error", code, message, outcome: "known" }
  }
  return { kind: "result", status: answer.status, data: answer.data as Json }
}
