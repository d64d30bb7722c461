import { AsyncLocalStorage } from "node:async_hooks"
import { isMesgError, messageOf } from "../../base/errors.ts"
import {
  EVENT_DATA_BYTES_MAX,
  RESULT_DATA_BYTES_MAX,
  SERVICE_ABORT_GRACE_MS,
  SERVICE_LOG_MESSAGE_LENGTH_MAX,
  SERVICE_START_TIMEOUT_MS,
  SERVICE_STOP_TIMEOUT_MS,
  SERVICE_STORE_VALUE_BYTES_MAX,
  SERVICE_SUBSCRIPTIONS_MAX,
  SERVICE_WEBHOOKS_MAX,
} from "../../base/limits.ts"
import type { Soon } from "../../base/soon.ts"
import { SlotMap } from "../../base/slot-map.ts"
import { TaskError } from "../../base/task-error.ts"
import type {
  RecoverHandler,
  ServiceContext,
  ServiceModule,
  TaskContext,
  TaskHandler,
  VerifyHandler,
} from "../../ports/service-author.ts"
import type { RecoverAnswer, Stop, TaskAnswer, TaskCall } from "../../ports/service-host.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { copyJson, plainJson } from "../../schema/plain-json.ts"
import type { Backend, LogLevel } from "./backend.ts"
import { CallContext, CallSignal } from "./call-context.ts"
import { ServiceError } from "./service-error.ts"

/** Set while a webhook is answered: who asks over HTTP is told to come again, rather than made to wait. */
const answering = new AsyncLocalStorage<true>()

type Handlers = "tasks" | "verify" | "recover"

/**
 * Runs one service's code against a backend, in the agent's process or in a child: makes its contexts, starts and stops
 * it, and turns whatever its handlers do into an answer. Nothing that the code throws gets past here.
 */
export class ServiceRunner {
  readonly #id: string
  readonly #module: ServiceModule
  readonly #backend: Backend
  readonly #context: ServiceContext
  readonly #life = new AbortController()
  readonly #calls = new SlotMap<number, CallSignal>()
  #callNumber = 0
  readonly #subscriptions = new Set<() => Promise<void>>()
  readonly #webhooks = new Set<() => Promise<void>>()
  #started = false

  constructor(id: string, module: ServiceModule, config: JsonObject, backend: Backend) {
    this.#id = id
    this.#module = module
    this.#backend = backend
    this.#context = this.#makeContext(copyJson(config))
  }

  /** @throws ServiceError START_FAILED, START_TIMEOUT; what had begun has been stopped then */
  async start(): Promise<void> {
    this.#started = true
    try {
      const start = async () => this.#module.start?.(this.#context)
      if ((await within(start(), SERVICE_START_TIMEOUT_MS)) === "late") {
        const message = `${this.#id} did not finish its start within ${SERVICE_START_TIMEOUT_MS} ms`
        throw new ServiceError({ code: "START_TIMEOUT", service: this.#id }, message, {
          remedy: "`start` should return once the service listens; long work belongs behind it",
        })
      }
    } catch (cause) {
      await this.stop()
      if (cause instanceof ServiceError && cause.code === "START_TIMEOUT") throw cause
      throw new ServiceError(
        { code: "START_FAILED", service: this.#id },
        `${this.#id}: its start failed: ${sentenceOf(cause)}`,
        { cause, remedy: "see the service's settings and its log" },
      )
    }
  }

  /** Works after a half start too. What does not stop in time is left behind; the log says so. */
  async stop(): Promise<void> {
    if (this.#life.signal.aborted) return
    this.#life.abort(this.#stopped())
    for (const call of this.#calls.values()) call.abort(this.#stopped())
    // Subscriptions and webhooks are not ended: messages wait for the next run. See docs/spec/service.md#restarts
    if (!this.#started) return
    try {
      const stop = async () => this.#module.stop?.()
      if ((await within(stop(), SERVICE_STOP_TIMEOUT_MS)) === "late") {
        this.#say("warn", `its stop did not finish within ${SERVICE_STOP_TIMEOUT_MS} ms`)
      }
    } catch (error) {
      this.#say("warn", "its stop failed", error)
    }
  }

  execute(call: TaskCall, stop: Stop): Soon<TaskAnswer> {
    const handler = this.#handler<TaskHandler>("tasks", call.task)
    if (handler === null) return failed("TASK_UNKNOWN", `${this.#id} has no task ${call.task}`, "known")
    return this.#run(call, stop, handler, this.#execution)
  }

  readonly #execution: Meaning<TaskAnswer> = {
    answer: (said, { task }) => this.#resultOf(task, said),
    threw: (error, { task }) => failed(codeOf(error), `${this.#id}.${task}: ${sentenceOf(error)}`, outcomeOf(error)),
    aborted: ({ task }) =>
      failed("TASK_ABORTED", `${this.#id}.${task} was told to stop before it had answered`, "unknown"),
  }

  async recover(call: TaskCall, signal: AbortSignal): Promise<RecoverAnswer> {
    const handler = this.#handler<RecoverHandler>("recover", call.task)
    return handler === null ? { kind: "unknown" } : this.#run(call, { signal }, handler, this.#recovery)
  }

  readonly #recovery: Meaning<RecoverAnswer> = {
    answer: (said, { task }) => {
      if (said === "not-done" || said === "unknown") return { kind: said }
      const answer = this.#resultOf(task, said)
      return answer.kind === "result" ? answer : { kind: "unknown" }
    },
    threw: (error, { task }) => {
      this.#say("warn", `its recover of ${task} failed`, error)
      return { kind: "unknown" }
    },
    aborted: () => ({ kind: "unknown" }),
  }

  async verify(call: TaskCall, result: { status: string; data: Json }, signal: AbortSignal): Promise<boolean | null> {
    const handler = this.#handler<VerifyHandler>("verify", call.task)
    if (handler === null) return null
    const judge: Handler = (inputs, ctx) =>
      handler(inputs, { status: result.status, data: copyJson(result.data) as never }, ctx)
    return this.#run(call, { signal }, judge, this.#verification)
  }

  readonly #verification: Meaning<boolean | null> = {
    // Only `true` approves: a verdict of any other type is a mistake, and a mistake must not pay out.
    answer: (said) => said === true,
    threw: (error, { task }) => {
      this.#say("warn", `its verification of ${task} failed`, error)
      return false
    },
    aborted: () => false,
  }

  #handler<Handler>(group: Handlers, task: string): Handler | null {
    const handlers = this.#module[group]
    return handlers !== undefined && Object.hasOwn(handlers, task) ? (handlers[task] as Handler) : null
  }

  /** A handler that answers without waiting for anything costs no more than its call. */
  #run<Answer>(call: TaskCall, stop: Stop, handler: Handler, meaning: Meaning<Answer>): Soon<Answer> {
    const own = new CallSignal(stop)
    if (this.#life.signal.aborted) own.abort(this.#stopped())
    try {
      const said = handler(copyJson(call.inputs) as never, new CallContext(this.#context, call, own, this.#backend))
      return isPromise(said) ? this.#wait(said, own, call, meaning) : meaning.answer(said, call)
    } catch (error) {
      return endOf(error, own, call, meaning)
    }
  }

  /** Until the handler has answered, or for a while after it was told to stop. */
  #wait<Answer>(
    said: PromiseLike<unknown>,
    own: CallSignal,
    call: TaskCall,
    meaning: Meaning<Answer>,
  ): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const number = this.#callNumber++
    this.#calls.set(number, own)
    let grace: NodeJS.Timeout | undefined
    const letGo = own.follow(() => {
      grace = setTimeout(() => end(meaning.aborted(call)), SERVICE_ABORT_GRACE_MS)
    })
    const end = (answer: Answer) => {
      clearTimeout(grace)
      letGo()
      this.#calls.delete(number)
      resolve(answer)
    }
    Promise.resolve(said)
      .then((result) => meaning.answer(result, call))
      .then(end, (error) => end(endOf(error, own, call, meaning)))
    return promise
  }

  /** The handler has run: where its answer is unusable nobody can say what it did, so the outcome is unknown. */
  #resultOf(task: string, result: unknown): TaskAnswer {
    const { status, data = {} } = (typeof result === "object" && result !== null ? result : {}) as Record<
      string,
      unknown
    >
    if (typeof status !== "string") {
      return failed("SERVICE_RESULT_INVALID", `${this.#id}.${task} returned no {status, data}`, "unknown")
    }
    const plain = plainJson(data, RESULT_DATA_BYTES_MAX)
    if (plain.ok) return { kind: "result", status, data: plain.value }
    const message = `${this.#id}.${task}: the data of its status ${status} ${plain.path || "as a whole"} ${plain.message}`
    return failed("SERVICE_RESULT_INVALID", message, "unknown")
  }

  #makeContext(config: JsonObject): ServiceContext {
    const backend = this.#backend
    const log =
      (level: LogLevel) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
        backend.log(level, String(message).slice(0, SERVICE_LOG_MESSAGE_LENGTH_MAX), fieldsOf(fields))
      }
    return {
      service: this.#id,
      config,
      signal: this.#life.signal,
      log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      emit: async (event, data, options) => {
        this.#alive()
        const plain = this.#plain(data, `the data of event ${event}`, EVENT_DATA_BYTES_MAX, "EVENT_TOO_LARGE")
        await backend.emit(event, plain, options?.id, answering.getStore() !== true)
      },
      store: {
        get: async (key) => this.#alive() ?? backend.storeGet(key),
        set: async (key, value) => {
          this.#alive()
          const plain = this.#plain(
            value,
            `the value of ${key}`,
            SERVICE_STORE_VALUE_BYTES_MAX,
            "STORE_VALUE_TOO_LARGE",
          )
          await backend.storeSet(key, plain)
        },
        delete: async (key) => this.#alive() ?? backend.storeSet(key, undefined),
      },
      mqtt: {
        publish: async (topic, payload, options) => {
          this.#alive()
          const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload
          await backend.publish(topic, bytes, { qos: options?.qos ?? 0, retain: options?.retain ?? false })
        },
        subscribe: async (filter, handler, options) =>
          this.#open(this.#subscriptions, SERVICE_SUBSCRIPTIONS_MAX, "subscriptions", () =>
            backend.subscribe(filter, async (message) => void (await handler(message)), options?.event ?? null),
          ),
      },
      webhook: async (path, handler) =>
        this.#open(this.#webhooks, SERVICE_WEBHOOKS_MAX, "webhooks", () =>
          backend.webhook(path, async (request) => answering.run(true, () => handler(request))),
        ),
      fetch: (url, options) => backend.fetch(url, options, this.#life.signal),
      connect: (target) => backend.connect(target, this.#life.signal),
    }
  }

  async #open(
    held: Set<() => Promise<void>>,
    max: number,
    what: string,
    open: () => Promise<() => Promise<void>>,
  ): Promise<() => Promise<void>> {
    this.#alive()
    if (held.size >= max) {
      const message = `${this.#id} has ${max} ${what}, the most a service may have`
      throw new ServiceError({ code: "SERVICE_LIMIT", service: this.#id, limit: what }, message)
    }
    const close = await open()
    const once = async () => {
      if (held.delete(once)) await close()
    }
    held.add(once)
    if (this.#life.signal.aborted) {
      await close()
      throw this.#stopped()
    }
    return once
  }

  /** @throws ServiceError NOT_PLAIN_JSON, `tooLarge` */
  #plain(value: unknown, what: string, bytesMax: number, tooLarge: "EVENT_TOO_LARGE" | "STORE_VALUE_TOO_LARGE"): Json {
    const plain = plainJson(value, bytesMax)
    if (plain.ok) return plain.value
    const { why, path, message } = plain
    const service = this.#id
    const detail = why === "size" ? { code: tooLarge, service } : { code: "NOT_PLAIN_JSON" as const, service, path }
    throw new ServiceError(detail, `${what}: ${path || "it"} ${message}`)
  }

  /** @throws ServiceError SERVICE_STOPPED */
  #alive(): undefined {
    if (this.#life.signal.aborted) throw this.#stopped()
  }

  #stopped(): ServiceError {
    return new ServiceError({ code: "SERVICE_STOPPED", service: this.#id }, `${this.#id} has been stopped`)
  }

  #say(level: LogLevel, message: string, error?: unknown): void {
    this.#backend.log(level, message, error === undefined ? {} : { error: messageOf(error) })
  }
}

type Handler = (inputs: never, ctx: TaskContext) => unknown

/** What the ends of a handler mean. */
interface Meaning<Answer> {
  answer(said: unknown, call: TaskCall): Answer
  threw(error: unknown, call: TaskCall): Answer
  aborted(call: TaskCall): Answer
}

/** A handler that gave up because it was told to has perhaps done half of it. */
function endOf<Answer>(error: unknown, own: CallSignal, call: TaskCall, meaning: Meaning<Answer>): Answer {
  return own.aborted ? meaning.aborted(call) : meaning.threw(error, call)
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
}

/** @returns "late" where it takes longer; its own later failure is then nobody's concern */
async function within(work: Promise<unknown>, ms: number): Promise<"done" | "late"> {
  const { promise, resolve } = Promise.withResolvers<"late">()
  const timer = setTimeout(() => resolve("late"), ms)
  try {
    return await Promise.race([work.then(() => "done" as const), promise])
  } finally {
    clearTimeout(timer)
  }
}

export function failed(code: string, message: string, outcome: "known" | "unknown"): TaskAnswer {
  return { kind: "error", code, message, outcome }
}

/** A stable code for what a handler threw: the agent's own codes pass, the rest is the service's. */
function codeOf(error: unknown): string {
  if (isMesgError(error)) return error.code
  return isAccessDenied(error) ? "SERVICE_FORBIDDEN" : "SERVICE_THREW"
}

// A handler that throws has said that it failed, unless it says that it cannot know.
function outcomeOf(error: unknown): "known" | "unknown" {
  return error instanceof TaskError ? error.detail.outcome : "known"
}

/** Permissions of Node's model, and how a manifest asks for what each of them guards. */
const ASKED_BY: Readonly<Record<string, string>> = {
  FileSystemRead: "permissions.files in service.yml",
  FileSystemWrite: "permissions.files in service.yml, as path:rw",
  ChildProcess: "permissions.commands in service.yml",
  Net: "ctx.fetch or ctx.connect, with the host under permissions.network in service.yml",
}

/** What was thrown, in one sentence; of what a service may not do also what it was, and what would allow it. */
export function sentenceOf(error: unknown): string {
  const { permission, resource = "" } = deniedBy(error) ?? {}
  if (permission === undefined) return messageOf(error)
  const what = resource === "" ? permission : `${permission} of ${resource}`
  const way = ASKED_BY[permission]
  return `${what} is not permitted${way === undefined ? "" : `; what allows it: ${way}`}`
}

/** Whether Node's permission model refused it. */
export function isAccessDenied(error: unknown): boolean {
  return deniedBy(error) !== null
}

/** The refusal of Node's permission model: fetch wraps it. */
function deniedBy(error: unknown): { readonly permission?: string; readonly resource?: string } | null {
  const denied = (e: unknown) => e instanceof Error && (e as NodeJS.ErrnoException).code === "ERR_ACCESS_DENIED"
  const refusal = [error, error instanceof Error ? error.cause : null].find(denied) as NetworkDenial | undefined
  if (refusal === undefined || refusal.permission !== undefined) return refusal ?? null
  // A socket's own error says where to, and not which permission.
  const { hostname, address = hostname, port } = refusal
  if (address === undefined) return refusal
  return { permission: "Net", resource: port === undefined ? address : `${address}:${port}` }
}

interface NetworkDenial {
  readonly permission?: string
  readonly resource?: string
  readonly hostname?: string
  readonly address?: string
  readonly port?: number
}

function fieldsOf(fields: Readonly<Record<string, unknown>>): JsonObject {
  const plain = plainJson(fields, SERVICE_LOG_MESSAGE_LENGTH_MAX)
  if (plain.ok) return plain.value as JsonObject
  const shown: Record<string, Json> = {}
  for (const [key, value] of Object.entries(fields).slice(0, 32)) {
    const one = plainJson(value, SERVICE_LOG_MESSAGE_LENGTH_MAX / 32)
    shown[key] = one.ok ? one.value : value instanceof Error ? value.message.slice(0, 200) : `(${typeof value})`
  }
  return shown
}
