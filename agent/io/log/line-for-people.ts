import { styleText } from "node:util"

const COLOURS = { debug: "gray", info: "green", warn: "yellow", error: "red" } as const

/** @param line one JSON line of the log @returns `10:30:00 info  what happened  name=value …` */
export function lineForPeople(line: string): string {
  const { level, time, message, error, ...fields } = JSON.parse(line) as Record<string, unknown>
  const name = String(level) as keyof typeof COLOURS
  // Validation of the stream would take the colours away where the line is not written by the console itself.
  const shown = styleText(COLOURS[name] ?? "white", name.padEnd(5), { validateStream: false })
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${valueForPeople(value)}`)
  const { message: reason, stack } = (typeof error === "object" && error !== null ? error : {}) as Record<
    string,
    unknown
  >
  if (error !== undefined) rest.push(`error=${valueForPeople(reason ?? error)}`)
  const trace = typeof stack === "string" ? `\n${stack.split("\n").slice(1).join("\n")}` : ""
  return `${String(time).slice(11, 19)} ${shown} ${[escaped(String(message)), ...rest].join("  ")}${trace}\n`
}

function valueForPeople(value: unknown): string {
  return typeof value === "string" && /^[\w./:@+-]+$/.test(value)
    ? value
    : escaped(JSON.stringify(value) ?? "undefined")
}

// What devices send must not steer the terminal.
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}
