import { fstatSync } from "node:fs"
import pino from "pino"
import { HIDDEN, SECRET_FIELDS } from "../../base/hidden.ts"
import type { Log, LogFields } from "../../ports/log.ts"
import { lineForPeople } from "./line-for-people.ts"

export type LogLevel = "debug" | "info" | "warn" | "error"
/** `json`: a line is one JSON object. `people`: for a terminal. `journal`: JSON with the level as the journal reads it. */
export type LogFormat = "json" | "people" | "journal"

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes one line with its line feed; written through at once, so that a crash loses none. */
  readonly write?: (line: string) => void
}

/** Priorities of syslog, which the journal takes from `<N>` before a line (sd-daemon(3)). */
const PRIORITY: Record<string, number> = { debug: 7, info: 6, warn: 4, error: 3 }

/** The agent's log, on pino. */
export function createLog(options: LogOptions): Log {
  return wrap(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        messageKey: "message",
        errorKey: "error",
        formatters: { level: (label) => ({ level: label }) },
        redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: HIDDEN },
        serializers: { error: shownError },
      },
      destination(options),
    ),
  )
}

/** The format for this output: what the journal or a terminal likes, else JSON lines. */
export function logFormatFor(
  fd: number,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): LogFormat {
  if (isTerminal) return "people"
  const journal = env["JOURNAL_STREAM"]
  if (journal === undefined) return "json"
  // The variable is inherited: only if it names this very output do lines go to the journal (systemd.exec(5)).
  const { dev, ino } = fstatSync(fd)
  return journal === `${dev}:${ino}` ? "journal" : "json"
}

function wrap(inner: pino.Logger): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (fields === undefined) inner[level](message)
    else inner[level](fields, message)
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => wrap(inner.child(fields)),
  }
}

function destination(options: LogOptions): pino.DestinationStream {
  const write = options.write ?? standardOutput()
  if (options.format === "people") return { write: (line) => write(lineForPeople(line)) }
  if (options.format === "journal") {
    return { write: (line) => write(`<${PRIORITY[levelOf(line)] ?? 6}>${line}`) }
  }
  return { write }
}

function standardOutput(): (line: string) => void {
  const out = pino.destination({ fd: 1, sync: true })
  return (line) => void out.write(line)
}

/** pino writes the level first: `{"level":"info",…`. */
function levelOf(line: string): string {
  return line.slice(10, line.indexOf('"', 10))
}

/** An error as its class, code and sentence, with the stack for what is no expected outcome. */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  return { name: error.name, ...(code === undefined ? {} : { code }), message: error.message, stack: error.stack }
}
