import { closeSync, openSync, readSync } from "node:fs"
import { fromUtf8, invalidUtf8At } from "../../base/bytes.ts"
import { messageOf } from "../../base/errors.ts"
import { APPLICATION_BYTES_MAX } from "../../base/limits.ts"
import type { Refusal } from "../../schema/application.ts"
import type { Place, SyntaxFault } from "./document-fault.ts"
import { readSyntax } from "./document-syntax.ts"
import { CliError } from "./error.ts"

/** A YAML or JSON file as a person wrote it. */
export interface SourceFile {
  readonly file: string
  /** Plain JSON; undefined where the text cannot be read as YAML. */
  readonly value: unknown
  /** What is wrong with the text, in the order of its lines. A value that is there may still be judged. */
  readonly refusals: readonly Refusal[]
  /** @param pointer JSON pointer @returns the place of that part, or of the nearest one above it that is there */
  placeOf(pointer: string): Place
}

/**
 * Reads a document that a person wrote.
 * @see docs/spec/application.md#the-file
 * @throws CliError FILE_UNREADABLE
 */
export function readDocument(file: string): SourceFile {
  return parseDocument(file, readBytes(file))
}

/** The same of bytes: bounded in size, depth and what aliases unfold to; never throws. */
export function parseDocument(file: string, bytes: Uint8Array): SourceFile {
  const unread = (fault: SyntaxFault): SourceFile => {
    return { file, value: undefined, refusals: [refusal(file, fault)], placeOf: () => ({ line: 1, column: 1 }) }
  }
  if (bytes.length > APPLICATION_BYTES_MAX) {
    const message = `is larger than ${APPLICATION_BYTES_MAX} bytes`
    return unread({ rule: "LIMIT", line: 1, column: 1, message, remedy: "split it into several files" })
  }
  const text = fromUtf8(bytes)
  if (text === null) return unread(encodingFault(bytes))
  const { value, faults, placeOf } = readSyntax(text)
  return { file, value, refusals: faults.map((fault) => refusal(file, fault)), placeOf }
}

function refusal(file: string, { rule, message, remedy, line, column }: SyntaxFault): Refusal {
  return { rule, path: "", message, remedy, file, line, column }
}

function encodingFault(bytes: Uint8Array): SyntaxFault {
  const offset = invalidUtf8At(bytes) ?? 0
  const before = bytes.subarray(0, offset)
  const lineStart = before.lastIndexOf(0x0a) + 1
  const line = before.reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 1)
  const column = new TextDecoder().decode(before.subarray(lineStart)).length + 1
  const what = [...bytes.subarray(offset, offset + 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")
  return {
    rule: "SYNTAX",
    line,
    column,
    message: `is not UTF-8 at offset ${offset}: ${what}`,
    remedy: "save the file as UTF-8",
  }
}

/** At most one byte more than a document may have: a device that never ends is no reason to wait. */
function readBytes(file: string): Uint8Array {
  let descriptor: number | null = null
  try {
    descriptor = openSync(file, "r")
    const bytes = new Uint8Array(APPLICATION_BYTES_MAX + 1)
    let length = 0
    while (length < bytes.length) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    return bytes.subarray(0, length)
  } catch (error) {
    throw new CliError({ code: "FILE_UNREADABLE" }, `${file} cannot be read: ${messageOf(error)}`, {
      remedy: "give a file that is there and that you may read",
      cause: error,
    })
  } finally {
    if (descriptor !== null) closeSync(descriptor)
  }
}
