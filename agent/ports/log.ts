export type LogFields = Readonly<Record<string, unknown>>

/** Structured log. A message is a constant sentence; what varies goes into the fields. Never a secret, never a payload. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log
}
