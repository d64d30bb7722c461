import {
  SERVICE_LOG_LINES_PER_S_MAX,
  SERVICE_LOG_MESSAGE_LENGTH_MAX,
  SERVICE_STDERR_BYTES_MAX,
} from "../../base/limits.ts"
import { LineQuota } from "../../base/line-quota.ts"
import type { Readable } from "node:stream"
import type { ServiceBridge } from "../../ports/service-host.ts"

/** Passes the log lines of a confined service on, at most so many a second; what is left out is counted and said. */
export class LogGate {
  readonly #bridge: ServiceBridge
  readonly #quota: LineQuota

  constructor(bridge: ServiceBridge) {
    this.#bridge = bridge
    this.#quota = new LineQuota(SERVICE_LOG_LINES_PER_S_MAX, performance.now.bind(performance), (count) => {
      bridge.log("warn", "log lines left out", { count })
    })
  }

  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#quota.allows()) this.#bridge.log(level, message, fields)
  }

  tellLeftOut(): void {
    this.#quota.tellLeftOut()
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
