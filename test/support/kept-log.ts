import type { Log, LogFields } from "../../agent/ports/log.ts"

export interface LogLine extends LogFields {
  readonly level: "debug" | "info" | "warn" | "error"
  readonly message: string
}

/** A Log that keeps its lines for the test to look at. */
export class KeptLog implements Log {
  readonly lines: LogLine[]
  readonly #fields: LogFields

  constructor(lines: LogLine[] = [], fields: LogFields = {}) {
    this.lines = lines
    this.#fields = fields
  }

  debug(message: string, fields?: LogFields): void {
    this.lines.push({ ...this.#fields, ...fields, level: "debug", message })
  }

  info(message: string, fields?: LogFields): void {
    this.lines.push({ ...this.#fields, ...fields, level: "info", message })
  }

  warn(message: string, fields?: LogFields): void {
    this.lines.push({ ...this.#fields, ...fields, level: "warn", message })
  }

  error(message: string, fields?: LogFields): void {
    this.lines.push({ ...this.#fields, ...fields, level: "error", message })
  }

  with(fields: LogFields): Log {
    return new KeptLog(this.lines, { ...this.#fields, ...fields })
  }
}
