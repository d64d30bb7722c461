import { pause } from "../../../../agent/base/pause.ts"
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, STREAM_SILENCE_MAX_MS, TOKEN_REFUSED_WAIT_MS } from "../limits.ts"
import type { AgentClient } from "./agent-client.ts"
import { AgentError } from "./agent-error.ts"
import { EventSourceParser, type StreamItem } from "./event-source.ts"

const KINDS = ["event", "execution", "service", "application"]

export interface StreamListener {
  /** Something happened. Items come once and in order. */
  item(item: StreamItem): void
  /** What happened before is not known: read the lists. Also at the first connection. */
  reset(): void
  /** Null: connected. Called at each change only. */
  state(problem: Error | null): void
}

/** What happens at the agent, for as long as it is open: reconnects with backoff and resumes where it was. */
export class AgentStream {
  readonly #client: AgentClient
  readonly #listener: StreamListener
  readonly #life = new AbortController()
  #lastId: string | null = null
  #problem: string | null = "not yet connected"
  #ended: Promise<void> = Promise.resolve()

  constructor(client: AgentClient, listener: StreamListener) {
    this.#client = client
    this.#listener = listener
  }

  start(): void {
    this.#ended = this.#run()
  }

  async stop(): Promise<void> {
    this.#life.abort()
    await this.#ended
  }

  async #run(): Promise<void> {
    let waitMs = BACKOFF_FIRST_MS
    while (!this.#life.signal.aborted) {
      try {
        await this.#connection(() => {
          waitMs = BACKOFF_FIRST_MS
        })
      } catch (error) {
        if (this.#life.signal.aborted) return
        this.#tell(error as Error)
        if (error instanceof AgentError && error.isTokenRefused) waitMs = TOKEN_REFUSED_WAIT_MS
      }
      // Spread, so that many editors' runtimes do not come back to one agent in the same instant.
      await pause(waitMs * (0.5 + Math.random() / 2), this.#life.signal, false)
      waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS)
    }
  }

  async #connection(connected: () => void): Promise<void> {
    const silence = new AbortController()
    const signal = AbortSignal.any([this.#life.signal, silence.signal])
    const timer = setTimeout(() => silence.abort(new Error("the agent is silent")), STREAM_SILENCE_MAX_MS)
    try {
      const response = await this.#client.stream(KINDS, this.#lastId, signal)
      connected()
      this.#tell(null)
      if (this.#lastId === null) this.#listener.reset()
      const parser = new EventSourceParser()
      const decoder = new TextDecoder()
      for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
        timer.refresh()
        const items = parser.take(decoder.decode(bytes, { stream: true }))
        // Before anybody hears of them: what somebody cannot take is not told again for ever.
        this.#lastId = parser.lastId ?? this.#lastId
        this.#takeAll(items)
      }
      throw new Error("the agent ended the stream")
    } finally {
      clearTimeout(timer)
    }
  }

  /** Each, whatever becomes of the one before. @throws what the last one that failed did */
  #takeAll(items: readonly StreamItem[]): void {
    let failure: Error | null = null
    for (const item of items) {
      try {
        this.#take(item)
      } catch (error) {
        failure = error as Error
      }
    }
    if (failure !== null) throw failure
  }

  #take(item: StreamItem): void {
    if (item.kind === "reset") this.#listener.reset()
    else this.#listener.item(item)
  }

  #tell(problem: Error | null): void {
    const text = problem?.message ?? null
    if (text === this.#problem) return
    this.#problem = text
    this.#listener.state(problem)
  }
}
