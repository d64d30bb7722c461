import { STORE_KEY_BYTES_MAX } from "../../base/limits.ts"
import type { Key } from "../../ports/store.ts"
import { StoreError } from "./error.ts"

/*
 * One B-tree holds every table, so a key begins with its table's name. Bytes, chosen so that memcmp is the order of
 * the port (numbers numerically, before strings by UTF-8 bytes):
 *
 *   table  : its ASCII name, 00
 *   number : 10, then the IEEE double, big-endian, sign bit flipped (all bits of a negative one)
 *   string : 20, then UTF-8 with 00 written as 00 FF, then 00
 *
 * Each part delimits itself, so the bytes of a prefix are a prefix of the bytes of every key below it, and of no
 * other key but those where 00 FF goes on: a prefix ends before `prefix FF`.
 */
const TAG_NUMBER = 0x10
const TAG_STRING = 0x20
const END = 0x00
const ESCAPE = 0xff
const NON_ASCII = 0x80

const scratch = Buffer.alloc(STORE_KEY_BYTES_MAX + 16)
const double = new DataView(new ArrayBuffer(8))

/**
 * @param above appends FF: the first place after every key that begins with these parts
 * @returns the bytes of the key, own memory
 * @throws StoreError KEY_INVALID: longer than STORE_KEY_BYTES_MAX, NaN, or a lone surrogate
 */
export function encodeKey(table: string, key: Key, above = false): Buffer {
  let at = writeText(table, 0)
  for (const part of key) {
    if (typeof part === "string") {
      scratch[at++] = TAG_STRING
      at = writeText(part, at)
    } else at = writeNumber(part, at)
    if (at > STORE_KEY_BYTES_MAX) throw invalid(table, `longer than ${STORE_KEY_BYTES_MAX} bytes`)
  }
  if (above) scratch[at++] = ESCAPE
  const bytes = Buffer.allocUnsafe(at)
  scratch.copy(bytes, 0, 0, at)
  return bytes
}

/** @returns table and parts. Only for bytes that {@link encodeKey} made. */
export function decodeKey(bytes: Uint8Array): { table: string; key: Key } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tableEnd = buffer.indexOf(END)
  const key: (string | number)[] = []
  let at = tableEnd + 1
  while (at < buffer.length) {
    if (buffer[at] === TAG_NUMBER) {
      key.push(readNumber(buffer, at + 1))
      at += 9
    } else {
      const end = textEnd(buffer, at + 1)
      key.push(readText(buffer, at + 1, end))
      at = end + 1
    }
  }
  return { table: buffer.toString("latin1", 0, tableEnd), key }
}

function writeText(text: string, from: number): number {
  // 3 bytes of UTF-8 a UTF-16 unit at most: what fits here cannot run over `scratch` in one part.
  if (text.length > STORE_KEY_BYTES_MAX) throw invalid("", `longer than ${STORE_KEY_BYTES_MAX} bytes`)
  let at = from
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0 || unit >= NON_ASCII) return writeAnyText(text, from)
    scratch[at++] = unit
  }
  scratch[at++] = END
  return at
}

function writeAnyText(text: string, from: number): number {
  if (!text.isWellFormed()) throw invalid("", "not well-formed Unicode")
  const bytes = Buffer.from(text)
  if (from + bytes.length * 2 + 1 > scratch.length) {
    const escaped = bytes.length + bytes.reduce((zeros, byte) => zeros + (byte === 0 ? 1 : 0), 0)
    if (from + escaped + 1 > scratch.length) throw invalid("", `longer than ${STORE_KEY_BYTES_MAX} bytes`)
  }
  let at = from
  for (const byte of bytes) {
    scratch[at++] = byte
    if (byte === 0) scratch[at++] = ESCAPE
  }
  scratch[at++] = END
  return at
}

function writeNumber(value: number, from: number): number {
  if (Number.isNaN(value)) throw invalid("", "NaN is no key")
  double.setFloat64(0, value === 0 ? 0 : value) // -0 and 0 are one key
  const high = double.getInt32(0)
  const flip = high < 0 ? -1 : 0
  double.setInt32(0, high ^ (flip | -0x80000000))
  double.setInt32(4, double.getInt32(4) ^ flip)
  scratch[from] = TAG_NUMBER
  for (let i = 0; i < 8; i++) scratch[from + 1 + i] = double.getUint8(i)
  return from + 9
}

function readNumber(bytes: Uint8Array, from: number): number {
  for (let i = 0; i < 8; i++) double.setUint8(i, bytes[from + i]!)
  const high = double.getInt32(0)
  const flip = high < 0 ? 0 : -1
  double.setInt32(0, high ^ (flip | -0x80000000))
  double.setInt32(4, double.getInt32(4) ^ flip)
  return double.getFloat64(0)
}

function textEnd(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] !== END || bytes[at + 1] === ESCAPE) at += bytes[at] === END ? 2 : 1
  return at
}

function readText(bytes: Buffer, from: number, end: number): string {
  const raw = bytes.subarray(from, end)
  if (!raw.includes(END)) return raw.toString("utf8")
  return Buffer.from(raw.filter((byte, i) => !(byte === ESCAPE && raw[i - 1] === END))).toString("utf8")
}

function invalid(table: string, why: string): StoreError {
  return new StoreError({ code: "KEY_INVALID" }, `a key${table ? ` of table ${table}` : ""} cannot be stored: ${why}`)
}
