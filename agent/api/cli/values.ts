import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { parseDuration } from "../../base/duration.ts"
import { messageOf } from "../../base/errors.ts"
import { parseJson } from "../../schema/json.ts"
import type { Operation, CommandValue } from "../operations/operation.ts"
import type { ApiRequest } from "./client.ts"
import { CliError } from "./error.ts"

/** What was typed: by argument name or option flags. */
export type Typed = ReadonlyMap<CommandValue, unknown>

/**
 * The request that a command makes of what was typed.
 * @throws CliError USAGE with what is wrong, FILE_UNREADABLE
 */
export function requestOf(operation: Operation, typed: Typed, fixed: Readonly<Record<string, string>>): ApiRequest {
  const parts: Record<"params" | "query" | "headers", Record<string, string>> = { params: {}, query: {}, headers: {} }
  let body: unknown
  for (const [target, text] of [...typed, ...fixedValues(fixed)]) {
    if (text === undefined || target.to === "local") continue
    const value = valueOf(target, text)
    const [part, name] = target.to.split(".", 2) as [string, string | undefined]
    if (part === "body") body = name === undefined ? value : { ...(body as object | undefined), [name]: value }
    else if (target.to === "headers.prefer-wait") parts.headers["prefer"] = `wait=${String(value)}`
    else parts[part as keyof typeof parts][name!] = String(value)
  }
  // A route that takes JSON gets an object even where nothing was said.
  if (body === undefined && TAKES_BODY.has(operation.id)) body = {}
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts.params[name] ?? ""))
  const query = new URLSearchParams(parts.query).toString()
  return {
    method: operation.method,
    path: query === "" ? path : `${path}?${query}`,
    headers: parts.headers,
    ...(body === undefined ? {} : { body }),
  }
}

const TAKES_BODY = new Set(["token.create", "service.call", "network.leave"])

function fixedValues(fixed: Readonly<Record<string, string>>): [CommandValue, unknown][] {
  return Object.entries(fixed).map(([to, value]) => [{ to, summary: "" }, value])
}

/** @throws CliError USAGE, FILE_UNREADABLE */
export function valueOf({ kind = "text", choices, means }: CommandValue, typed: unknown): unknown {
  const text = String(typed)
  if (choices !== undefined && kind === "text" && !choices.includes(text)) {
    throw usage(`${JSON.stringify(text)} is none of ${choices.join(", ")}`)
  }
  switch (kind) {
    case "text":
      return text
    case "flag":
      return typed === true && means !== undefined ? means : typed === true
    case "number":
      if (!/^\d+$/.test(text)) throw usage(`${JSON.stringify(text)} is not a whole number`)
      return Number(text)
    case "list":
      return (Array.isArray(typed) ? typed.map(String) : [text]).flatMap((item) => item.split(",")).filter(Boolean)
    case "texts":
      return Array.isArray(typed) ? typed.map(String) : [text]
    case "pairs":
      return pairsOf((typed as readonly unknown[]).map(String))
    case "nulls":
      return Object.fromEntries((typed as readonly unknown[]).map((key) => [String(key), null]))
    case "path":
      // An option whose path may be left out.
      return typed === true ? "" : resolve(text)
    case "source":
      return sourceOf(text)
    case "since":
      return sinceOf(text)
    case "json":
      return jsonOf(text)
  }
}

function pairsOf(words: readonly string[]): Record<string, string> {
  const pairs = new Map<string, string>()
  for (let at = 0; at < words.length; at += 2) {
    const [key, value] = words.slice(at, at + 2) as [string, string?]
    if (value === undefined) throw usage(`${key} has no value; give KEY VALUE, or several of them`)
    if (pairs.has(key)) throw usage(`${key} is given twice`)
    pairs.set(key, value)
  }
  return Object.fromEntries(pairs)
}

/** JSON as typed, `@file`, or `-` for standard input. */
function jsonOf(text: string): unknown {
  const source = text === "-" ? readText(0, "standard input") : text.startsWith("@") ? readText(text.slice(1)) : text
  const parsed = parseJson(source)
  if (parsed.ok) return parsed.value
  throw usage(`${text.length > 40 ? `${text.slice(0, 40)}…` : text} is not JSON: ${parsed.message}`)
}

/** @throws CliError FILE_UNREADABLE */
export function readText(path: string | 0, name = String(path)): string {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    throw new CliError({ code: "FILE_UNREADABLE" }, `${name} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** What is there as a path, or written like one, is one; `npm:` is for who wants to be sure. */
function sourceOf(text: string): string {
  if (/^(?:https?:\/\/|npm:)/.test(text)) return text
  const isPath = /^[./~]|\.t(?:ar\.)?gz$/.test(text) || existsSync(text)
  return isPath ? resolve(text) : `npm:${text}`
}

function sinceOf(text: string): string {
  const ago = parseDuration(text)
  const timeMs = ago === null ? Date.parse(text) : Date.now() - ago
  if (Number.isNaN(timeMs)) throw usage(`${JSON.stringify(text)} is neither a time nor a duration like 10m, 2h or 7d`)
  return new Date(timeMs).toISOString()
}

export function usage(message: string): CliError {
  return new CliError({ code: "USAGE" }, message, { remedy: "see --help" })
}
