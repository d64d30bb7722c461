import { paint, printable, type Terminal } from "../terminal.ts"

/** Aligned columns under a head; control characters of what others sent are shown, not done. */
export function table(terminal: Terminal, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return `${paint(terminal, "dim", "none")}\n`
  const cells = rows.map((row) => row.map(printable))
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd()
  const body = cells.map((row) => paintStatuses(terminal, line(row)))
  return `${[paint(terminal, "bold", line(head.map((title) => title.toUpperCase()))), ...body].join("\n")}\n`
}

/** `name  value` lines, the names aligned. */
export function facts(terminal: Terminal, entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries
    .map(
      ([name, value]) =>
        `${paint(terminal, "dim", name.padEnd(width))}  ${paintStatuses(terminal, printable(value))}\n`,
    )
    .join("")
}

const GOOD = /\b(?:completed|running|succeeded|ok)\b/g
const BAD = /\b(?:failed|refused|timed-out|error)\b/g
const IDLE = /\b(?:waiting|pending|starting|paused|cancelled)\b/g

function paintStatuses(terminal: Terminal, text: string): string {
  if (!terminal.colours) return text
  return text
    .replace(GOOD, (word) => paint(terminal, "green", word))
    .replace(BAD, (word) => paint(terminal, "red", word))
    .replace(IDLE, (word) => paint(terminal, "yellow", word))
}

const STEPS: readonly (readonly [limitMs: number, unitMs: number, unit: string])[] = [
  [60_000, 1000, "s"],
  [3_600_000, 60_000, "min"],
  [86_400_000, 3_600_000, "h"],
  [Number.POSITIVE_INFINITY, 86_400_000, "d"],
]

/** A length of time as people say it: `250 ms`, `1.5 s`, `42 s`, `3 min`, `2 h`, `5 d`. */
export function lengthText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${Math.floor(ms / 100) / 10} s`
  const [, unitMs, unit] = STEPS.find(([limitMs]) => ms < limitMs)!
  return `${Math.floor(ms / unitMs)} ${unit}`
}

/** Local and relative: `2026-11-22 10:30:00 (3 min ago)`. @param iso ISO 8601, null for never */
export function timeText(terminal: Terminal, iso: string | null): string {
  if (iso === null) return "-"
  const timeMs = Date.parse(iso)
  const at = new Date(timeMs)
  const two = (value: number) => String(value).padStart(2, "0")
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  const sinceMs = terminal.now() - timeMs
  const relative = sinceMs >= 0 ? `${lengthText(sinceMs)} ago` : `in ${lengthText(-sinceMs)}`
  return `${day} ${time} (${relative})`
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}

/** JSON on one line, cut to fit. */
export function shortJson(value: unknown, lengthMax = 60): string {
  const text = JSON.stringify(value) ?? ""
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`
}

/** What follows a list that goes on. */
export function more(terminal: Terminal, cursor: string | null): string {
  return cursor === null ? "" : `${paint(terminal, "dim", `more: --cursor ${cursor}`)}\n`
}

/** The line that tells of secrets which only another home can open, if there are any. @param command sets them again */
export function lostFacts(secrets: readonly string[], command: string): [string, string][] {
  return secrets.length === 0 ? [] : [["lost", `${secrets.join(", ")}: set again with ${command}`]]
}
