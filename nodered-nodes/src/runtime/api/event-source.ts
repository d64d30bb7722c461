import { STREAM_ITEM_CHARS_MAX } from "../limits.ts"
import { AgentError } from "./agent-error.ts"

/** One server-sent event. */
export interface StreamItem {
  readonly kind: string
  readonly id: string | null
  readonly data: string
}

/**
 * Server-sent events out of the text of a stream, however it is cut into pieces.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventSourceParser {
  #rest = ""
  #kind = ""
  #id: string | null = null
  #data: string[] = []

  /** Where the stream stands: also told without an item. */
  get lastId(): string | null {
    return this.#id
  }

  /** @throws AgentError AGENT_ANSWER_INVALID where an item has no end */
  take(text: string): StreamItem[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop()!
    if (this.#rest.length > STREAM_ITEM_CHARS_MAX) {
      throw new AgentError("AGENT_ANSWER_INVALID", `an item of the stream is longer than ${STREAM_ITEM_CHARS_MAX}`)
    }
    return lines.map((line) => this.#line(line)).filter((item) => item !== null)
  }

  #line(line: string): StreamItem | null {
    if (line === "") return this.#end()
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!
    if (field === "event") this.#kind = value
    if (field === "id") this.#id = value
    if (field === "data") this.#data.push(value)
    return null
  }

  #end(): StreamItem | null {
    const item = { kind: this.#kind || "message", id: this.#id, data: this.#data.join("\n") }
    const isEmpty = this.#data.length === 0
    this.#kind = ""
    this.#data = []
    return isEmpty ? null : item
  }
}
