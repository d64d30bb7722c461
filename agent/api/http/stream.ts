import { utf8 } from "../../base/bytes.ts"
import {
  STREAM_BACKLOG_MAX,
  STREAM_CLIENTS_MAX,
  STREAM_CLIENTS_PER_TOKEN_MAX,
  STREAM_HEARTBEAT_MS,
} from "../../base/limits.ts"
import type { Feed, FeedItem } from "../../engine/core.ts"
import type { LogTail } from "../deps.ts"
import { ApiError } from "../errors.ts"
import type { StreamKind } from "../operations/schemas/system.ts"
import { applicationView, eventView, logView, refusedView, serviceView } from "./views.ts"

export interface StreamFilter {
  readonly kinds: readonly StreamKind[]
  readonly service: string | undefined
  readonly app: string | undefined
  readonly execution: string | undefined
}

/** The most items that one chunk carries. */
const CHUNK_ITEMS_MAX = 100

/**
 * Server-sent events of the feed and the log.
 * A client is a place in the feed, not a queue: it is written as much as it reads, and what it missed it gets from the
 * feed. When the feed no longer holds that, it is sent `reset` and must read the lists again. Ids are
 * `<start of the agent>.<seq>`, so an id of an earlier start is answered by `reset` too.
 */
export class Streams {
  readonly #feed: Feed
  readonly #logTail: LogTail
  readonly #boot: string
  readonly #clients = new Map<Client, string>()
  readonly #ended = new AbortController()

  /** @param boot different at each start of the agent */
  constructor(feed: Feed, logTail: LogTail, boot: string) {
    this.#feed = feed
    this.#logTail = logTail
    this.#boot = boot
  }

  get size(): number {
    return this.#clients.size
  }

  /**
   * @param owner id of the token, whose end ends the stream
   * @param lastEventId where an earlier stream ended, null to begin now
   * @throws ApiError TOO_MANY_STREAMS
   */
  open(owner: string, filter: StreamFilter, lastEventId: string | null): Response {
    let own = 0
    for (const ownerOf of this.#clients.values()) if (ownerOf === owner) own++
    const ofToken = own >= STREAM_CLIENTS_PER_TOKEN_MAX
    if (ofToken || this.#clients.size >= STREAM_CLIENTS_MAX) {
      const [count, which] = ofToken
        ? [own, "as many as one token may have"]
        : [this.#clients.size, "as many as may be"]
      throw new ApiError({ code: "TOO_MANY_STREAMS" }, `${count} streams are open already, ${which}`, {
        remedy: "close one that nobody reads",
      })
    }
    const client = new Client(this.#feed, this.#logTail, filter, this.#boot, () => this.#clients.delete(client))
    this.#clients.set(client, owner)
    return new Response(client.start(lastEventId), {
      headers: { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" },
    })
  }

  /** Ends the streams of one token. */
  closeOf(owner: string): void {
    for (const [client, ownerOf] of this.#clients) if (ownerOf === owner) client.end()
  }

  /** When the agent stops: nobody waits for anything any more. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  stop(): void {
    this.#ended.abort()
    for (const client of this.#clients.keys()) client.end()
  }
}

class Client {
  readonly #feed: Feed
  readonly #logTail: LogTail
  readonly #filter: StreamFilter
  readonly #boot: string
  readonly #closed: () => void
  #seq = 0
  /** Text that goes out before anything else. */
  #pending = ""
  #logLines: string[] = []
  #logLinesDropped = 0
  #ended = false
  #wake: () => void = () => {}
  #cleanUp: (() => void)[] = []

  constructor(feed: Feed, logTail: LogTail, filter: StreamFilter, boot: string, closed: () => void) {
    this.#feed = feed
    this.#logTail = logTail
    this.#filter = filter
    this.#boot = boot
    this.#closed = closed
  }

  start(lastEventId: string | null): ReadableStream<Uint8Array> {
    this.#seq = this.#feed.seq
    if (lastEventId !== null) this.#resume(lastEventId)
    // A client that is cut before anything happened has a place to come back to.
    this.#pending = `retry: 2000\nid: ${this.#id()}\n\n${this.#pending}`
    const beat = setInterval(() => this.#say(": still here\n\n"), STREAM_HEARTBEAT_MS)
    this.#cleanUp = [() => clearInterval(beat), this.#feed.subscribe(() => this.#wake())]
    if (this.#filter.kinds.includes("log")) this.#cleanUp.push(this.#followLog())
    return new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller), cancel: () => this.end() },
      { highWaterMark: 0 },
    )
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const action of this.#cleanUp) action()
    this.#closed()
    this.#wake()
  }

  #resume(lastEventId: string): void {
    const match = /^([0-9a-f]+)\.(\d{1,15})$/.exec(lastEventId)
    const seq = Number(match?.[2])
    if (match?.[1] === this.#boot && seq <= this.#feed.seq) this.#seq = seq
    else this.#pending += this.#reset()
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      if (this.#ended) return controller.close()
      const text = this.#take()
      if (text !== "") return controller.enqueue(utf8(text))
      await woken
    }
  }

  /** What can be sent now: at most a chunk, the rest stays in the feed. */
  #take(): string {
    let text = this.#pending
    this.#pending = ""
    if (this.#logLinesDropped > 0) text += frame("dropped", { kind: "log", count: this.#logLinesDropped })
    text += this.#logLines.splice(0).join("")
    this.#logLinesDropped = 0
    const items = this.#feed.since(this.#seq)
    if (items === null) return text + this.#reset()
    for (const item of items.slice(0, CHUNK_ITEMS_MAX)) {
      this.#seq = item.seq
      const shown = this.#show(item)
      if (shown !== null) text += frame(shown.kind, shown.data, this.#id())
    }
    // All of them may be filtered out: the rest of a long feed is looked at in the next turn.
    if (text === "" && items.length > CHUNK_ITEMS_MAX) this.#wake()
    return text
  }

  #show(item: FeedItem): { kind: StreamKind; data: unknown } | null {
    const { service, app, execution } = this.#filter
    const other = (asked: string | undefined, is: string | null) => asked !== undefined && asked !== is
    const kind = item.kind === "event-refused" ? "refused" : item.kind
    if (!this.#filter.kinds.includes(kind)) return null
    if (item.kind === "execution") {
      const shown = item.execution
      return other(app, shown.app) || other(execution, shown.id) ? null : { kind, data: shown }
    }
    if (item.kind === "application") {
      const shown = { ...applicationView(item.application), removed: item.removed }
      return other(app, shown.name) || other(execution, null) ? null : { kind, data: shown }
    }
    if (other(app, null) || other(execution, null)) return null
    if (item.kind === "service")
      return other(service, item.service.id) ? null : { kind, data: serviceView(item.service) }
    if (other(service, item.event.service)) return null
    return { kind, data: item.kind === "event" ? eventView(item.event) : refusedView(item.event) }
  }

  /** Says that something was missed, and goes on from now. */
  #reset(): string {
    this.#seq = this.#feed.seq
    return frame("reset", { reason: "what came before is no longer held: read the lists again" }, this.#id())
  }

  #id(): string {
    return `${this.#boot}.${this.#seq}`
  }

  #say(text: string): void {
    // A client that reads nothing is told once that we are here, not again and again.
    if (this.#pending === "") this.#pending = text
    this.#wake()
  }

  #followLog(): () => void {
    return this.#logTail.subscribe((line) => {
      if (this.#logLines.length >= STREAM_BACKLOG_MAX) this.#logLinesDropped++
      else this.#logLines.push(frame("log", logView(line)))
      this.#wake()
    })
  }
}

function frame(event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}
