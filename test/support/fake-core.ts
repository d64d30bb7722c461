import type { ApplicationName, ExecutionId, ServiceId, TaskExecutionId } from "../../agent/base/ids.ts"
import { sortableId } from "../../agent/base/ids.ts"
import { MesgError } from "../../agent/base/errors.ts"
import { seededRandom } from "../../agent/base/random.ts"
import type {
  Accepted,
  Applications,
  ApplicationView,
  Core,
  Events,
  ExecutionFilter,
  Executions,
  Page,
  Paging,
  Services,
  ServiceView,
  DryExecution,
} from "../../agent/engine/core.ts"
import { FeedLog } from "../../agent/engine/feed.ts"
import type { WebhookRequest, WebhookResponse } from "../../agent/ports/service-host.ts"
import type { Application, Refusal } from "../../agent/schema/application.ts"
import type { RefusedEvent } from "../../agent/schema/event.ts"
import type { ExecutionStatus, ExecutionView, TransitionView } from "../../agent/schema/execution.ts"
import type { Json, JsonObject } from "../../agent/schema/json.ts"
import { ManifestSchema } from "../../agent/schema/manifest.ts"
import * as v from "valibot"

/** The time of everything a FakeCore makes. */
export const FAKE_TIME_MS = 1_700_000_000_000
const FAKE_TIME = new Date(FAKE_TIME_MS).toISOString()

export const FAKE_MANIFEST = v.parse(ManifestSchema, {
  id: "ocpp",
  name: "OCPP charger",
  version: "1.2.0",
  description: "Chargers of electric cars",
  isolation: "in-process",
  config: { url: { type: "string" }, password: { type: "string", secret: true } },
  events: {
    "transaction-stopped": { data: { type: "object", properties: { kwh: { type: "number" } }, required: ["kwh"] } },
  },
  tasks: { "set-standby": { inputs: {}, statuses: { ok: {} } } },
})

/** A code and a sentence, as the engine would throw them. */
export function refusal(code: string, message: string, extra: object = {}): MesgError {
  return new MesgError({ code, ...extra }, message, { remedy: `look up ${code}` })
}

/**
 * The engine's facade over plain arrays: what the api's tests set is what it answers. It keeps what it was asked in
 * `asked`, runs nothing, and publishes to a real feed.
 */
export class FakeCore implements Core {
  readonly feed = new FeedLog()
  readonly asked: { what: string; input: unknown }[] = []
  readonly applicationViews = new Map<string, ApplicationView & { document: Application }>()
  readonly executionViews: ExecutionView[] = []
  readonly serviceViews: ServiceView[] = [fakeService()]
  readonly refusedEvents: RefusedEvent[] = []
  /** What `validate` and `deploy` find wrong. */
  refusals: Refusal[] = []
  /** Thrown by the next call that may refuse. */
  nextError: Error | null = null
  webhookAnswer: WebhookResponse | null = null
  /** How the next call of a task ends; null for not in time. */
  callEnds: { status: string; data: Json } | null = { status: "ok", data: { done: true } }
  /** Calls of tasks that wait end when this does. */
  callGate: Promise<void> = Promise.resolve()
  /** The data of each event id that was seen. */
  readonly #ids = new Map<string, string>()
  readonly #random = seededRandom(7)
  #duplicates = 0

  readonly events: Events = {
    accept: async ({ service, event, data, id = null }): Promise<Accepted> => {
      this.#ask("events.accept", { service, event, data, id })
      if (service !== "ocpp") throw refusal("UNKNOWN_SERVICE", `there is no service ${service}`)
      if (event !== "transaction-stopped") throw refusal("UNKNOWN_EVENT", `${service} has no event ${event}`)
      if (typeof (data as JsonObject | null)?.["kwh"] !== "number") {
        throw refusal("EVENT_DATA_INVALID", "/kwh must be number", {
          issues: [{ path: "/kwh", message: "must be number" }],
        })
      }
      const accepted = { service: service as ServiceId, event, data, id, timeMs: FAKE_TIME_MS }
      const before = id === null ? undefined : this.#ids.get(id)
      if (before !== undefined) {
        this.#duplicates++
        return { event: accepted, duplicate: true, differs: before !== JSON.stringify(data), executions: [] }
      }
      if (id !== null) this.#ids.set(id, JSON.stringify(data))
      this.feed.publish(`event/${service}/${event}`, () => ({ kind: "event", event: accepted }))
      const execution = this.startExecution("running")
      return { event: accepted, duplicate: false, differs: false, executions: [execution.id] }
    },
    refused: (paging) => pageOf(this.refusedEvents, (item) => String(item.timeMs), paging),
    counts: () => ({
      accepted: this.asked.filter(({ what }) => what === "events.accept").length,
      duplicates: this.#duplicates,
      refused: this.refusedEvents.length,
      unmatched: 0,
    }),
  }

  readonly executions: Executions = {
    list: (filter: ExecutionFilter) => {
      this.#ask("executions.list", filter)
      const since = filter.sinceMs ?? 0
      const found = this.executionViews.filter(
        (item) =>
          (filter.app === undefined || item.app === filter.app) &&
          (filter.status === undefined || item.status === filter.status) &&
          Date.parse(item.started ?? FAKE_TIME) >= since,
      )
      return pageOf(found, (item) => item.id, filter)
    },
    show: (id) => ({ ...this.#execution(id), transitions: fakeTransitions() }),
    cancel: async (id) => {
      this.#ask("executions.cancel", id)
      const execution = this.#execution(id)
      if (execution.finished !== null) throw refusal("EXECUTION_ENDED", `${id} has ended`)
      return this.changeExecution(id, "cancelled")
    },
    retry: async (id) => {
      this.#ask("executions.retry", id)
      if (this.#execution(id).finished === null) throw refusal("EXECUTION_NOT_ENDED", `${id} has not ended`)
      return this.startExecution("running", id)
    },
    counts: () => {
      const count = (status: ExecutionStatus) => this.executionViews.filter((item) => item.status === status).length
      return {
        running: count("running"),
        waiting: count("waiting"),
        completed: count("completed"),
        failed: count("failed"),
        cancelled: count("cancelled"),
      }
    },
  }

  readonly applications: Applications = {
    validate: async (document) => {
      this.#ask("applications.validate", document)
      return { ok: this.refusals.length === 0, refusals: this.refusals, warnings: [] }
    },
    dryRun: async (document, what) => {
      this.#ask("applications.dryRun", { document, what })
      const verdict = { ok: this.refusals.length === 0, refusals: this.refusals, warnings: [] }
      return { ...verdict, run: verdict.ok ? fakeDryRun(what.data ?? { kwh: 1 }) : null }
    },
    deploy: async (document, config) => {
      this.#ask("applications.deploy", { document, config })
      if (this.refusals.length > 0) {
        throw refusal("APPLICATION_REFUSED", "the application breaks a rule", { refusals: this.refusals })
      }
      const application = document as Application
      const version = (this.applicationViews.get(application.name)?.version ?? 0) + 1
      const view: ApplicationView = {
        name: application.name,
        description: application.description ?? null,
        visibility: "private",
        version,
        paused: false,
        deployedMs: FAKE_TIME_MS,
        lostSecrets: [],
        missing: [],
        workflows: Object.entries(application.workflows).map(([name, { trigger, tasks }]) => {
          return { name, trigger: { service: trigger.service, event: trigger.event }, tasks: Object.keys(tasks) }
        }),
      }
      this.applicationViews.set(view.name, { ...view, document: application })
      this.#tellApplication(view)
      return { ...view, warnings: [{ path: "/workflows", message: "nobody handles ok" }] }
    },
    list: (paging) => {
      const views = [...this.applicationViews.values()].map(({ document: _, ...view }) => view)
      return pageOf(views, (item) => item.name, paging)
    },
    show: (name) => this.#application(name),
    pause: async (name) => this.#change(name, { paused: true }),
    resume: async (name) => this.#change(name, { paused: false }),
    remove: async (name) => {
      const { document: _, ...view } = this.#application(name)
      this.applicationViews.delete(name)
      this.#tellApplication(view, true)
    },
    run: async (name, workflow, data) => {
      this.#ask("applications.run", { name, workflow, data })
      this.#application(name)
      return this.startExecution("running")
    },
  }

  readonly services: Services = {
    list: (paging) => pageOf(this.serviceViews, (item) => item.id, paging),
    show: (id) => ({
      ...this.#service(id),
      manifest: FAKE_MANIFEST,
      config: { url: "ws://charger", password: "canary-secret" },
    }),
    add: async (source, options) => {
      this.#ask("services.add", { source, options })
      const service = { ...fakeService(), id: "added" as ServiceId }
      this.serviceViews.push(service)
      return service
    },
    configure: async (id, config) => {
      this.#ask("services.configure", { id, config })
      return this.#service(id)
    },
    remove: async (id) => {
      this.#ask("services.remove", id)
      this.#service(id)
    },
    call: async (id, task, inputs, waitMs) => {
      this.#ask("services.call", { id, task, inputs, waitMs })
      this.#service(id)
      const execution = `${this.#freshId()}.${task}` as TaskExecutionId
      if (waitMs > 0) await this.callGate
      const end = waitMs > 0 ? this.callEnds : null
      return { execution, ended: end !== null, status: end?.status ?? null, data: end?.data ?? null }
    },
    webhook: async (request: WebhookRequest) => {
      this.#ask("services.webhook", request)
      return this.webhookAnswer
    },
  }

  /** An event that is refused, as the list and the feed tell it. */
  refuseEvent(event: RefusedEvent): void {
    this.refusedEvents.unshift(event)
    this.feed.publish(`refused/${event.service}/${event.event}`, () => ({ kind: "event-refused", event }))
  }

  startExecution(status: ExecutionStatus, retryOf: string | null = null): ExecutionView {
    const execution = fakeExecution(this.#freshId(), status, retryOf)
    this.executionViews.push(execution)
    this.feed.publish(`execution/${execution.app}/${execution.workflow}`, () => ({ kind: "execution", execution }))
    return execution
  }

  changeExecution(id: ExecutionId, status: ExecutionStatus): ExecutionView {
    const at = this.executionViews.findIndex((item) => item.id === id)
    const execution = fakeExecution(id, status, null)
    this.executionViews[at] = execution
    this.feed.publish(`execution/${execution.app}/${execution.workflow}`, () => ({ kind: "execution", execution }))
    return execution
  }

  #tellApplication(application: ApplicationView, removed = false): void {
    this.feed.publish(`application/${application.name}`, () => ({ kind: "application", application, removed }))
  }

  #ask(what: string, input: unknown): void {
    this.asked.push({ what, input })
    const error = this.nextError
    this.nextError = null
    if (error !== null) throw error
  }

  #freshId(): ExecutionId {
    return sortableId("ex", FAKE_TIME_MS, this.#random.bytes(10)) as ExecutionId
  }

  #execution(id: ExecutionId): ExecutionView {
    const found = this.executionViews.find((item) => item.id === id)
    if (found === undefined) throw refusal("EXECUTION_NOT_FOUND", `there is no execution ${id}`)
    return found
  }

  #application(name: ApplicationName): ApplicationView & { document: Application } {
    const found = this.applicationViews.get(name)
    if (found === undefined) throw refusal("APPLICATION_NOT_FOUND", `there is no application ${name}`)
    return found
  }

  #change(name: ApplicationName, change: Partial<ApplicationView>): ApplicationView {
    const { document, ...view } = this.#application(name)
    const changed = { ...view, ...change }
    this.applicationViews.set(name, { ...changed, document })
    return changed
  }

  #service(id: ServiceId): ServiceView {
    const found = this.serviceViews.find((item) => item.id === id)
    if (found === undefined) throw refusal("SERVICE_NOT_FOUND", `there is no service ${id}`)
    return found
  }
}

function fakeService(): ServiceView {
  return {
    id: FAKE_MANIFEST.id,
    name: FAKE_MANIFEST.name,
    version: FAKE_MANIFEST.version,
    description: FAKE_MANIFEST.description,
    kind: "in-process",
    shipped: true,
    networkAny: true,
    state: "running",
    error: null,
    events: Object.keys(FAKE_MANIFEST.events),
    tasks: Object.keys(FAKE_MANIFEST.tasks),
    restarts: 0,
    memoryBytes: null,
    lostSecrets: [],
    warnings: [],
  }
}

/** An execution of three tasks that has come as far as its status says. */
export function fakeExecution(id: ExecutionId, status: ExecutionStatus, retryOf: string | null): ExecutionView {
  const ended = status === "completed" || status === "failed" || status === "cancelled"
  const later = new Date(FAKE_TIME_MS + 1500).toISOString()
  const idle = { state: "idle", status: null, data: null, attempts: 0, started: null, finished: null } as const
  const sent = status === "completed"
  return {
    id,
    app: "ev-charging",
    workflow: "charge-finished",
    version: 1,
    status,
    trigger: { service: "ocpp", event: "transaction-stopped", data: { kwh: 12 }, id: null },
    started: FAKE_TIME,
    finished: ended ? later : null,
    branches: [
      { path: ["pay", "tell"], status: sent ? "completed" : "running", remaining: sent ? [] : ["pay", "tell"] },
      { path: ["pay", "standby"], status: sent ? "completed" : "pending", remaining: sent ? [] : ["pay", "standby"] },
    ],
    tasks: {
      pay: sent
        ? {
            state: "succeeded",
            status: "sent",
            data: { hash: "0x1" },
            attempts: 2,
            started: FAKE_TIME,
            finished: later,
          }
        : { state: "started", status: null, data: null, attempts: 1, started: FAKE_TIME, finished: null },
      tell: sent
        ? { state: "succeeded", status: "delivered", data: {}, attempts: 1, started: FAKE_TIME, finished: later }
        : idle,
      standby: sent
        ? { state: "succeeded", status: "ok", data: {}, attempts: 1, started: FAKE_TIME, finished: later }
        : idle,
    },
    retryOf,
  }
}

function fakeDryRun(data: Json): DryExecution {
  return {
    workflow: "charge-finished",
    trigger: { service: "ocpp", event: "transaction-stopped", data, passes: true },
    status: "waiting",
    branches: [{ path: ["pay", "standby"], status: "waiting", remaining: ["standby"] }],
    tasks: {
      pay: {
        run: "ethereum.transfer",
        state: "succeeded",
        status: "sent",
        data: { hash: "0x1" },
        inputs: { amount: "12" },
        assumed: "example",
        waits: null,
      },
      standby: {
        run: "ocpp.set-standby",
        state: "ready",
        status: null,
        data: null,
        inputs: null,
        assumed: null,
        waits: { service: "car", event: "unplugged" },
      },
    },
  }
}

function fakeTransitions(): TransitionView[] {
  return [{ seq: 1, time: FAKE_TIME, core: "c".repeat(64), kind: "created", task: null, detail: {} }]
}

function pageOf<Item>(items: readonly Item[], keyOf: (item: Item) => string, paging: Paging): Page<Item> {
  const limit = paging.limit ?? 50
  const from = paging.cursor === undefined ? 0 : items.findIndex((item) => keyOf(item) === paging.cursor) + 1
  const shown = items.slice(from, from + limit)
  const last = shown.at(-1)
  return { items: shown, cursor: last !== undefined && from + limit < items.length ? keyOf(last) : null }
}
