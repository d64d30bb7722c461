import type { Duplex } from "node:stream"
import type { TaskExecutionId } from "../../base/ids.ts"
import type { ServiceContext, TaskContext } from "../../ports/service-author.ts"
import type { Stop, TaskCall } from "../../ports/service-host.ts"
import type { Backend } from "./backend.ts"

/**
 * The signal of one call. It is made when somebody looks at it: most handlers never do, and it would be the dearest part
 * of a short call.
 */
export class CallSignal {
  readonly #stop: Stop
  #onAbort: (() => void) | null = null
  #controller: AbortController | null = null
  #aborted = false
  #reason: unknown

  /** @param stop of who makes the call */
  constructor(stop: Stop) {
    this.#stop = stop
  }

  /**
   * For a call that takes time: from here on it ends with its caller's signal.
   * @param onAbort called once, when the call is told to stop; now, where it has been
   * @returns what lets go of the caller's signal
   */
  follow(onAbort: () => void): () => void {
    this.#onAbort = onAbort
    const { signal } = this.#stop
    const abort = () => this.abort(signal.reason)
    signal.addEventListener("abort", abort, { once: true })
    if (this.#aborted) onAbort()
    else if (signal.aborted) abort()
    return () => signal.removeEventListener("abort", abort)
  }

  get aborted(): boolean {
    return this.#aborted || this.#stop.signal.aborted
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.aborted) this.#controller.abort(this.#reason ?? this.#stop.signal.reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#onAbort?.()
  }
}

/**
 * What a handler gets: the service's context with what belongs to this call. A class, as an object literal with a getter
 * would have a shape of its own for every call, which outlives it.
 */
export class CallContext implements TaskContext {
  readonly service: ServiceContext["service"]
  readonly config: ServiceContext["config"]
  readonly log: ServiceContext["log"]
  readonly emit: ServiceContext["emit"]
  readonly store: ServiceContext["store"]
  readonly mqtt: ServiceContext["mqtt"]
  readonly webhook: ServiceContext["webhook"]
  readonly execution: TaskExecutionId
  readonly task: string
  readonly deadlineMs: number
  readonly #own: CallSignal
  readonly #backend: Pick<Backend, "fetch" | "connect">

  constructor(context: ServiceContext, call: TaskCall, own: CallSignal, backend: Pick<Backend, "fetch" | "connect">) {
    this.service = context.service
    this.config = context.config
    this.log = context.log
    this.emit = context.emit
    this.store = context.store
    this.mqtt = context.mqtt
    this.webhook = context.webhook
    this.execution = call.execution
    this.task = call.task
    this.deadlineMs = call.deadlineMs
    this.#own = own
    this.#backend = backend
  }

  get fetch(): ServiceContext["fetch"] {
    return async (url, options) => this.#backend.fetch(url, options, this.#own.signal)
  }

  get connect(): ServiceContext["connect"] {
    return async (target): Promise<Duplex> => this.#backend.connect(target, this.#own.signal)
  }

  get signal(): AbortSignal {
    return this.#own.signal
  }
}
