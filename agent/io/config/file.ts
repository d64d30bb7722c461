import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml"
import { messageOf } from "../../base/errors.ts"
import { CONFIG_BYTES_MAX } from "../../base/limits.ts"
import { ConfigError } from "./errors.ts"
import { makeFolder, syncFolder } from "../folder.ts"

/** `config.yml` of a home, parsed; an absent file is an empty one. */
export interface ConfigFile {
  readonly path: string
  readonly document: Document
  /** Plain values. */
  readonly content: unknown
  /** 1-based line of a key, or of the nearest group above it that is there. */
  lineOf(key: readonly string[]): number
}

/** @throws ConfigError CONFIG_UNREADABLE, CONFIG_SYNTAX */
export function readConfigFile(home: string): ConfigFile {
  const path = join(home, "config.yml")
  const text = readText(path)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problem = document.errors[0]
  if (problem !== undefined) {
    const line = lines.linePos(problem.pos[0]).line
    throw new ConfigError({ code: "CONFIG_SYNTAX", file: path, line }, `${path}:${line}: ${problem.message}`, {
      remedy: "Correct the line; the file is YAML.",
    })
  }
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 10 }) ?? {}
  } catch (error) {
    throw new ConfigError({ code: "CONFIG_SYNTAX", file: path, line: 1 }, `${path}: ${messageOf(error)}`, {
      cause: error,
    })
  }
  return {
    path,
    document,
    content,
    lineOf: (key) => lines.linePos(offsetOf(document, key)).line,
  }
}

function readText(path: string): string {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ""
    throw new ConfigError({ code: "CONFIG_UNREADABLE", file: path }, `${path} cannot be read: ${messageOf(error)}`, {
      remedy: "Give the user that runs mesg the right to read it, or choose another folder with --home.",
      cause: error,
    })
  }
  if (text.length > CONFIG_BYTES_MAX) {
    throw new ConfigError({ code: "CONFIG_UNREADABLE", file: path }, `${path} is larger than ${CONFIG_BYTES_MAX} bytes`)
  }
  return text
}

function offsetOf(document: Document, key: readonly string[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const name of key) {
    if (!isMap(node)) break
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name)
    if (pair === undefined) break
    offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
    node = pair.value
  }
  return offset
}

/**
 * Replaces `config.yml` as a whole: after a power cut there is the old file or the new one.
 * @throws ConfigError CONFIG_UNWRITABLE
 */
export function writeConfigFile(file: ConfigFile): void {
  const folder = dirname(file.path)
  const temporary = `${file.path}.${process.pid}.tmp`
  try {
    makeFolder(folder)
    syncTo(temporary, file.document.toString({ lineWidth: 0 }))
    renameSync(temporary, file.path)
    syncFolder(folder)
  } catch (error) {
    rmSync(temporary, { force: true, recursive: true })
    throw new ConfigError(
      { code: "CONFIG_UNWRITABLE", file: file.path },
      `${file.path} cannot be written: ${messageOf(error)}`,
      {
        remedy: "Give the user that runs mesg the right to write there, and see that the disk is not full.",
        cause: error,
      },
    )
  }
}

function syncTo(path: string, text: string): void {
  const fd = openSync(path, "w", 0o600)
  try {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
