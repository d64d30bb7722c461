import { concatAll, utf8 } from "./bytes.ts"
import { MesgError } from "./errors.ts"
import { CANONICAL_DEPTH_MAX, CANONICAL_ITEMS_MAX, JSON_DEPTH_MAX } from "./limits.ts"

/*
 * Signed and hashed data has one encoding: the part of CBOR (RFC 8949, section 4.2.1) that needs no choice.
 *
 *   integers -2^64..2^64-1 · bytes · well-formed text · arrays · true, false, null
 *   shortest heads, definite lengths, nothing after the item
 *   at most CANONICAL_DEPTH_MAX arrays in each other, and CANONICAL_ITEMS_MAX items in all
 *
 * No maps, floats, tags or undefined: what is signed is a list whose places have meanings.
 */
export type Canonical = number | bigint | string | Uint8Array | boolean | null | readonly Canonical[]

export class CanonicalError extends MesgError<{ readonly code: "NOT_CANONICAL" }> {}

export type Decoded = { readonly ok: true; readonly value: Canonical } | { readonly ok: false; readonly reason: string }

const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const SIMPLE = 7
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6
const LIMIT = 1n << 64n

// A byte order mark is text like any other here: dropping it would change what was signed.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * @param value numbers are safe integers; larger ones are bigints
 * @throws CanonicalError NOT_CANONICAL: a value that has no such encoding is a bug of the caller
 */
export function encodeCanonical(value: Canonical): Uint8Array {
  const into: Written = { parts: [], items: 0 }
  encode(value, 0, into)
  return concatAll(into.parts)
}

/**
 * Total: any bytes, one answer, no throw. It takes memory by what is read, never by what a head announces.
 * @param itemsMax how many items what is expected has at most: of more nothing is made
 * @returns the value, whose encoding is exactly these bytes (integers past 2^53-1 as bigint), or why there is none
 */
export function decodeCanonical(bytes: Uint8Array, itemsMax = CANONICAL_ITEMS_MAX): Decoded {
  const reader = new Reader(bytes, Math.min(itemsMax, CANONICAL_ITEMS_MAX))
  const value = reader.item(0)
  if (value === undefined) return { ok: false, reason: reader.reason }
  if (reader.at !== bytes.length) return { ok: false, reason: "bytes after the item" }
  return { ok: true, value }
}

/**
 * JSON with one encoding (RFC 8785): members by UTF-16 code units, numbers as ECMAScript writes them.
 * @throws CanonicalError NOT_CANONICAL: not a JSON value, a lone surrogate, or deeper than JSON_DEPTH_MAX
 */
export function canonicalJson(value: unknown): string {
  return json(value, 0)
}

interface Written {
  readonly parts: Uint8Array[]
  items: number
}

function encode(value: Canonical, depth: number, into: Written): void {
  const { parts } = into
  if (++into.items > CANONICAL_ITEMS_MAX) throw notCanonical(`more than ${CANONICAL_ITEMS_MAX} items`)
  if (value === null) parts.push(Uint8Array.of(NULL))
  else if (typeof value === "boolean") parts.push(Uint8Array.of(value ? TRUE : FALSE))
  else if (typeof value === "number" || typeof value === "bigint") parts.push(integer(value))
  else if (typeof value === "string") {
    if (!value.isWellFormed()) throw notCanonical("text with a lone surrogate")
    const bytes = utf8(value)
    parts.push(head(TEXT, BigInt(bytes.length)), bytes)
  } else if (value instanceof Uint8Array) parts.push(head(BYTES, BigInt(value.length)), value)
  else if (Array.isArray(value)) {
    if (depth === CANONICAL_DEPTH_MAX) throw notCanonical(`more than ${CANONICAL_DEPTH_MAX} arrays in each other`)
    parts.push(head(ARRAY, BigInt(value.length)))
    for (const item of value as readonly Canonical[]) encode(item, depth + 1, into)
  } else throw notCanonical(`a ${typeof value}`)
}

function integer(value: number | bigint): Uint8Array {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw notCanonical(`the number ${value}`)
  const whole = BigInt(value)
  if (whole < -LIMIT || whole >= LIMIT) throw notCanonical("an integer outside -2^64..2^64-1")
  return whole >= 0n ? head(UNSIGNED, whole) : head(NEGATIVE, -1n - whole)
}

function head(major: number, argument: bigint): Uint8Array {
  const type = major << 5
  if (argument < 24n) return Uint8Array.of(type | Number(argument))
  const width = argument < 1n << 8n ? 0 : argument < 1n << 16n ? 1 : argument < 1n << 32n ? 2 : 3
  const bytes = new Uint8Array(1 + (1 << width))
  bytes[0] = type | (24 + width)
  let rest = argument
  for (let i = bytes.length - 1; i > 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** Reads items from the front. `undefined` means refused, with the reason. */
class Reader {
  at = 0
  reason = ""
  readonly #bytes: Uint8Array
  #itemsLeft: number

  constructor(bytes: Uint8Array, itemsMax: number) {
    this.#bytes = bytes
    this.#itemsLeft = itemsMax
  }

  item(depth: number): Canonical | undefined {
    if (this.#itemsLeft-- === 0) return this.#refuse("more items than there may be")
    const first = this.#bytes[this.at]
    if (first === undefined) return this.#refuse("the bytes end too early")
    const major = first >> 5
    if (major === SIMPLE) return this.#simple(first)
    if (major > ARRAY) return this.#refuse(major === 5 ? "maps are not allowed" : "tags are not allowed")
    const argument = this.#argument(first & 31)
    if (argument === undefined) return undefined
    if (major === UNSIGNED) return small(argument)
    if (major === NEGATIVE) return small(-1n - argument)
    if (argument > BigInt(this.#bytes.length - this.at)) return this.#refuse("the bytes end too early")
    if (major === ARRAY) return this.#array(Number(argument), depth)
    const content = this.#take(Number(argument))
    return major === BYTES ? content.slice() : this.#text(content)
  }

  #simple(first: number): Canonical | undefined {
    this.at++
    if (first === FALSE) return false
    if (first === TRUE) return true
    if (first === NULL) return null
    return this.#refuse("floats, undefined and other simple values are not allowed")
  }

  #argument(info: number): bigint | undefined {
    this.at++
    if (info < 24) return BigInt(info)
    if (info > 27) return this.#refuse(info === 31 ? "indefinite lengths are not allowed" : "reserved head")
    const width = 1 << (info - 24)
    if (this.at + width > this.#bytes.length) return this.#refuse("the bytes end too early")
    let value = 0n
    for (const byte of this.#take(width)) value = (value << 8n) | BigInt(byte)
    const least = info === 24 ? 24n : 1n << BigInt(width * 4)
    return value < least ? this.#refuse("a head longer than it needs to be") : value
  }

  #array(length: number, depth: number): Canonical[] | undefined {
    if (depth === CANONICAL_DEPTH_MAX) return this.#refuse(`more than ${CANONICAL_DEPTH_MAX} arrays in each other`)
    if (length > this.#itemsLeft) return this.#refuse("more items than there may be")
    const items: Canonical[] = []
    for (let i = 0; i < length; i++) {
      const item = this.item(depth + 1)
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }

  #text(content: Uint8Array): string | undefined {
    try {
      return decoder.decode(content)
    } catch {
      // The one thing that a fatal decoder says by throwing.
      return this.#refuse("text that is not UTF-8")
    }
  }

  #take(length: number): Uint8Array {
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  #refuse(reason: string): undefined {
    this.reason = reason
    return undefined
  }
}

function small(value: bigint): number | bigint {
  return value >= -BigInt(Number.MAX_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

function json(value: unknown, depth: number): string {
  if (depth > JSON_DEPTH_MAX) throw notCanonical(`JSON deeper than ${JSON_DEPTH_MAX}`)
  if (value === null || typeof value === "boolean") return String(value)
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw notCanonical("text with a lone surrogate")
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => json(item, depth + 1)).join(",")}]`
  if (typeof value !== "object" || value instanceof Uint8Array) throw notCanonical(`a ${typeof value} in JSON`)
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${json(name, depth + 1)}:${json(member, depth + 1)}`)
  return `{${members.join(",")}}`
}

function notCanonical(what: string): CanonicalError {
  return new CanonicalError({ code: "NOT_CANONICAL" }, `cannot be signed or hashed: ${what}`)
}
