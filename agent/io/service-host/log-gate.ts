import {
  SERVICE_LOG_LINES_PER_S_MAX,
  SERVICE_LOG_MESSAGE_LENGTH_MAX,
  SERVICE_STDERR_BYTES_MAX,
} from "../../base/limits.ts"
import type { Readable } from "node:stream"
import type { ServiceBridge } from "../../ports/service-host.ts"

/** Passes the log lines of a confined service on, at most so many a second; what is left out is counted and said. */
export class LogGate {
  readonly #bridge: ServiceBridge
  #second = 0
  #lines = 0
  #leftOut = 0

  constructor(bridge: ServiceBridge) {
    this.#bridge = bridge
  }

  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>): void {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) {
      this.tellLeftOut()
      this.#second = second
      this.#lines = 0
    }
    this.#lines += 1
    if (this.#lines > SERVICE_LOG_LINES_PER_S_MAX) this.#leftOut += 1
    else this.#bridge.log(level, message, fields)
  }

  tellLeftOut(): void {
    if (this.#leftOut > 0) this.#bridge.log("warn", "log lines left out", { count: this.#leftOut })
    this.#leftOut = 0
  }

  /** Lines of the process's own output. @returns its last bytes, whenever asked */
  follow(stream: Readable, level: "info" | "warn"): () => string {
    let line = ""
    let tail = ""
    stream.setEncoding("utf8")
    stream.on("data", (text: string) => {
      tail = (tail + text).slice(-SERVICE_STDERR_BYTES_MAX)
      const lines = (line + text).split("\n")
      line = (lines.pop() ?? "").slice(0, SERVICE_LOG_MESSAGE_LENGTH_MAX)
      for (const each of lines) if (each !== "") this.log(level, each.slice(0, SERVICE_LOG_MESSAGE_LENGTH_MAX))
    })
    stream.on("end", () => {
      if (line !== "") this.log(level, line)
    })
    return () => tail
  }
}
