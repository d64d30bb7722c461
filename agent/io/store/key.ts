import { STORE_KEY_BYTES_MAX } from "../../base/limits.ts"
import type { Key } from "../../ports/store.ts"
import { StoreError } from "./error.ts"

/*
 * One B-tree holds every table, so a key begins with its table's name. Bytes, chosen so that memcmp is the order of
 * the port (numbers numerically, before strings by UTF-8 bytes), and short, for they fill the branches of the tree:
 *
 *   table        : its ASCII name, 00
 *   below 0      : 10, then the IEEE double, big-endian, all bits flipped
 *   0..2^48      : 11 + n, then its whole part in n = 0..6 bytes; if it has a fraction, FF and the IEEE double
 *   2^48 and up  : 18, then the IEEE double, big-endian
 *   string       : 20, then UTF-8 with 00 written as 00 FF, then 00
 *
 * Each part delimits itself, and what goes on where a part could have ended goes on with FF. So the keys that begin
 * with given parts are exactly those from their bytes on and below `bytes FE`.
 */
const TAG_NEGATIVE = 0x10
const TAG_WHOLE = 0x11
const TAG_LARGE = 0x18
const TAG_STRING = 0x20
const END = 0x00
const ABOVE = 0xfe
const GOES_ON = 0xff
const NON_ASCII = 0x80
const WHOLE_LIMIT = 2 ** 48

const scratch = Buffer.alloc(STORE_KEY_BYTES_MAX + 16)

/**
 * @param above appends FE: the first place after every key that begins with these parts
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
  if (above) scratch[at++] = ABOVE
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
    if (buffer[at] !== TAG_STRING) {
      const { value, end } = readNumber(buffer, at)
      key.push(value)
      at = end
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
    if (byte === 0) scratch[at++] = GOES_ON
  }
  scratch[at++] = END
  return at
}

function writeNumber(value: number, from: number): number {
  if (Number.isNaN(value)) throw invalid("", "NaN is no key")
  if (value < 0) return writeDouble(TAG_NEGATIVE, value, from)
  if (value >= WHOLE_LIMIT) return writeDouble(TAG_LARGE, value, from)
  const whole = Math.floor(value)
  let length = 0
  for (let rest = whole; rest >= 1; rest = Math.floor(rest / 256)) length++
  scratch[from] = TAG_WHOLE + length
  let rest = whole
  for (let at = from + length; at > from; at--) {
    scratch[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  const end = from + 1 + length
  return whole === value ? end : writeDouble(GOES_ON, value, end)
}

function writeDouble(tag: number, value: number, from: number): number {
  scratch[from] = tag
  scratch.writeDoubleBE(value, from + 1)
  if (value < 0) for (let at = from + 1; at < from + 9; at++) scratch[at]! ^= 0xff
  return from + 9
}

/** @returns the number whose tag is at `from`, and where it ends */
function readNumber(bytes: Buffer, from: number): { value: number; end: number } {
  const tag = bytes[from]!
  if (tag === TAG_LARGE) return { value: bytes.readDoubleBE(from + 1), end: from + 9 }
  if (tag === TAG_NEGATIVE) {
    const flipped = Buffer.from(bytes.subarray(from + 1, from + 9).map((byte) => byte ^ 0xff))
    return { value: flipped.readDoubleBE(0), end: from + 9 }
  }
  const end = from + 1 + tag - TAG_WHOLE
  if (bytes[end] === GOES_ON) return { value: bytes.readDoubleBE(end + 1), end: end + 9 }
  let value = 0
  for (let at = from + 1; at < end; at++) value = value * 256 + bytes[at]!
  return { value, end }
}

function textEnd(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] !== END || bytes[at + 1] === GOES_ON) at += bytes[at] === END ? 2 : 1
  return at
}

function readText(bytes: Buffer, from: number, end: number): string {
  const raw = bytes.subarray(from, end)
  if (!raw.includes(END)) return raw.toString("utf8")
  return Buffer.from(raw.filter((byte, i) => !(byte === GOES_ON && raw[i - 1] === END))).toString("utf8")
}

function invalid(table: string, why: string): StoreError {
  return new StoreError({ code: "KEY_INVALID" }, `a key${table ? ` of table ${table}` : ""} cannot be stored: ${why}`)
}
