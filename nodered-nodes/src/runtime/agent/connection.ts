import { AgentClient } from "../api/agent-client.ts"
import { AgentError, errorText } from "../api/agent-error.ts"
import { AgentStream } from "../api/agent-stream.ts"
import type { FindEndpoint } from "../api/endpoint.ts"
import type { StreamItem } from "../api/event-source.ts"
import type { EventItem, Execution, ListedApplication, Service } from "../api/shapes.ts"
import { EVENTS_HELD_MAX } from "../limits.ts"
import { Calls } from "./calls.ts"

/** What a node can listen to. Each call of `on` gives the function that ends it. */
export interface AgentNews {
  readonly event: (event: EventItem) => void
  readonly execution: (execution: Execution) => void
  readonly service: (service: Service) => void
  readonly application: (application: ListedApplication) => void
  /** Something was missed, or this is the beginning: read the lists. */
  readonly reset: () => void
  /** Null: connected. Said at once to who begins to listen. */
  readonly state: (problem: string | null) => void
}

/** One agent: its API, its stream of news, and the executions that are waited for. Nodes that name it share one. */
export class AgentConnection {
  /** As nodes give it; empty: the agent of this machine. */
  readonly url: string
  readonly client: AgentClient
  readonly #calls: Calls
  readonly #stream: AgentStream
  readonly #life = new AbortController()
  readonly #warn: (text: string) => void
  readonly #listeners: { readonly [Kind in keyof AgentNews]: Set<AgentNews[Kind]> } = {
    event: new Set(),
    execution: new Set(),
    service: new Set(),
    application: new Set(),
    reset: new Set(),
    state: new Set(),
  }
  #problem: string | null
  #core: string | null = null
  /** Null: they are told as they come. */
  #held: EventItem[] | null = null
  #isTokenRefused = false

  /** @param problem until it is started */
  constructor(url: string, find: FindEndpoint, warn: (text: string) => void, problem = "…") {
    this.url = url
    this.#problem = problem
    this.#warn = warn
    this.client = new AgentClient(find)
    this.#calls = new Calls(this.client)
    this.#stream = new AgentStream(this.client, {
      item: (item) => this.#item(item),
      reset: () => this.#reset(),
      state: (problem) => this.#state(problem),
    })
  }

  start(): void {
    this.#stream.start()
  }

  async stop(): Promise<void> {
    this.#life.abort(new Error("Node-RED stops the node"))
    await this.#stream.stop()
  }

  get problem(): string | null {
    return this.#problem
  }

  /** Whether the problem is that the agent does not take the token. */
  get isTokenRefused(): boolean {
    return this.#isTokenRefused
  }

  /** Which agent this is, whatever its address. @throws AgentError */
  async core(signal: AbortSignal): Promise<string> {
    return (this.#core ??= (await this.client.status(signal)).node)
  }

  /** Aborted when the connection is stopped. */
  get signal(): AbortSignal {
    return this.#life.signal
  }

  on<Kind extends keyof AgentNews>(kind: Kind, listener: AgentNews[Kind]): () => void {
    const listeners = this.#listeners[kind] as Set<AgentNews[Kind]>
    listeners.add(listener)
    if (kind === "state") (listener as AgentNews["state"])(this.#problem)
    return () => {
      listeners.delete(listener)
    }
  }

  /** Events are kept until they are let go, the first so many. */
  hold(): void {
    this.#held ??= []
  }

  letGo(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const event of held) this.#event(event)
  }

  /** Calls a task and waits for its end, as long as it takes. @param key the same for repeats of one call */
  call(service: string, task: string, inputs: unknown, key: string, signal: AbortSignal): Promise<Execution> {
    return this.#calls.follow(() => this.client.call(service, task, inputs, key, signal), signal)
  }

  /** Starts an application and waits for the end of its execution. */
  run(name: string, data: unknown, key: string, signal: AbortSignal): Promise<Execution> {
    return this.#calls.follow(() => this.client.run(name, data, key, signal), signal)
  }

  #item({ kind, data }: StreamItem): void {
    const value: unknown = JSON.parse(data)
    if (kind === "event") this.#event(value as EventItem)
    if (kind === "service") for (const listener of this.#listeners.service) listener(value as Service)
    if (kind === "application") {
      for (const listener of this.#listeners.application) listener(value as ListedApplication)
    }
    if (kind !== "execution") return
    this.#calls.changed(value as Execution)
    for (const listener of this.#listeners.execution) listener(value as Execution)
  }

  #event(event: EventItem): void {
    if (this.#held === null) for (const listener of this.#listeners.event) listener(event)
    else if (this.#held.length < EVENTS_HELD_MAX) this.#held.push(event)
    else if (this.#held.length === EVENTS_HELD_MAX) {
      this.#held.push(event)
      this.#warn(`more than ${EVENTS_HELD_MAX} events came while no flow ran: the others are not told to the flows`)
    }
  }

  #reset(): void {
    this.#calls.lookAgain(this.#life.signal).catch((error: unknown) => {
      if (!this.#life.signal.aborted) this.#warn(errorText(error))
    })
    for (const listener of this.#listeners.reset) listener()
  }

  #state(problem: Error | null): void {
    this.#problem = problem === null ? null : errorText(problem)
    // What answers next at this address may be another one.
    this.#core = null
    this.#isTokenRefused = problem instanceof AgentError && problem.isTokenRefused
    for (const listener of this.#listeners.state) listener(this.#problem)
  }
}
