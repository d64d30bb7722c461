import { messageOf } from "../base/errors.ts"
import { HIDDEN, SECRET_FIELDS } from "../base/hidden.ts"
import { LOG_LINE_BYTES_MAX, LOG_LINES_KEPT_MAX } from "../base/limits.ts"
import type { Log, LogFields } from "../ports/log.ts"
import type { LogLevel, LogLine, LogTail } from "./deps.ts"

/**
 * A log that also keeps its newest lines for `mesg logs` and the stream.
 * @param log where every line goes too
 * @param level least level that is kept
 * @param wallMs the wall clock, ms since epoch
 */
export function createLogTail(log: Log, level: LogLevel, wallMs: () => number): { log: Log; tail: LogTail } {
  const lines: LogLine[] = []
  const listeners = new Set<(line: LogLine) => void>()
  const keep = (line: LogLine) => {
    if (LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return
    lines.push(line)
    if (lines.length > LOG_LINES_KEPT_MAX) lines.shift()
    for (const listener of listeners) listener(line)
  }
  const wrap = (inner: Log, bound: LogFields): Log => {
    const at =
      (own: LogLevel) =>
      (message: string, fields: LogFields = {}) => {
        inner[own](message, fields)
        keep({ timeMs: wallMs(), level: own, message, fields: bounded({ ...bound, ...fields }) })
      }
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => wrap(inner.with(fields), { ...bound, ...fields }),
    }
  }
  const tail: LogTail = {
    recent: () => [...lines],
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return { log: wrap(log, {}), tail }
}

export const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"]

/** Fields as JSON would show them, errors by their message, cut where a line would grow without bound. */
function bounded(fields: LogFields): LogFields {
  const plain: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) plain[name] = value instanceof Error ? value.message : value
  const text = textOf(plain)
  return text.length <= LOG_LINE_BYTES_MAX
    ? (JSON.parse(text) as LogFields)
    : { cut: text.slice(0, LOG_LINE_BYTES_MAX) }
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, (name, inner: unknown) => {
      if (SECRET_FIELDS.includes(name)) return HIDDEN
      return typeof inner === "bigint" ? String(inner) : inner
    })
  } catch (error) {
    // A circle or a throwing getter in a field must not end who logs it.
    return JSON.stringify({ unprintable: messageOf(error) })
  }
}
