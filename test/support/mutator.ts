import type { SeededRandom } from "../../agent/base/random.ts"

/** An item of CBOR in some bytes: where its head begins, where its content does, and where it ends. */
interface Item {
  readonly at: number
  readonly content: number
  readonly end: number
  readonly major: number
  /** Of an array: the items in it. */
  readonly items: readonly Item[]
}

const ARRAY = 4
const LENGTHS = [
  0,
  1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
]
/** What stands in no such bytes, or seldom: maps with a key twice or out of order, tags, floats, what never ends. */
// biome-ignore format: a table
const STRANGE = [
  "a0", "a2616101616102", "a2616201616102", "c100", "f97e00", "fb7ff0000000000000", "f7", "ff", "9fff", "5f4100ff", "7f6161ff",
  "80", "40", "60", "f6", "f4", "f5", "00", "20", "1817", "190017", "1a00000017", "1b0000000000000017", "1bffffffffffffffff",
  "3bffffffffffffffff", "1b0020000000000000", "9bffffffffffffffff", "9affffffff", "5affffffff", "5bffffffffffffffff",
  "7affffffff", "9a80000000", "4100", "61ff", "62c080", "63eda080", "64efbbbf61", "81".repeat(40), "80".repeat(64),
].map((hex) => Uint8Array.fromHex(hex))

/** Gives bytes that are nearly those of its seeds: damaged by chance, and where they are CBOR by its structure too. */
export class Mutator {
  readonly #random: SeededRandom
  readonly #seeds: readonly { readonly bytes: Uint8Array; readonly items: readonly Item[] }[]

  /** @param seeds what a real encoder wrote, one at least */
  constructor(seeds: readonly Uint8Array[], random: SeededRandom) {
    this.#random = random
    this.#seeds = seeds.map((bytes) => ({ bytes, items: itemsOf(bytes) }))
  }

  next(): Uint8Array {
    const { below } = this.#random
    if (below(50) === 0) return this.#random.bytes(below(80))
    const { bytes, items } = this.#pick(this.#seeds)
    // Each change but the first is blind: where items are is known of the seed alone.
    let made = items.length > 0 && below(4) > 0 ? this.#restructured(bytes, items) : this.#damaged(bytes)
    while (below(3) === 0) made = this.#damaged(made)
    return made
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const { below } = this.#random
    const at = below(bytes.length + 1)
    switch (below(8)) {
      case 0:
        return bytes.subarray(0, at)
      case 1:
        return spliced(bytes, at, below(5), this.#random.bytes(below(5)))
      case 2:
        return spliced(bytes, at, below(40), new Uint8Array(0))
      case 3: {
        const end = Math.min(bytes.length, at + below(40))
        return spliced(bytes, at, end - at, new Uint8Array(end - at))
      }
      case 4: {
        const other = this.#pick(this.#seeds).bytes
        return spliced(bytes, at, bytes.length, other.subarray(below(other.length + 1)))
      }
      case 5:
        return spliced(bytes, at, 4, bigEndian(this.#pick(LENGTHS), 4))
      default: {
        const made = bytes.slice()
        for (let flips = 1 + below(3); flips > 0 && made.length > 0; flips--) made[below(made.length)]! ^= 1 << below(8)
        return made
      }
    }
  }

  #restructured(bytes: Uint8Array, items: readonly Item[]): Uint8Array {
    const { below } = this.#random
    const item = this.#pick(items)
    const own = bytes.subarray(item.at, item.end)
    switch (below(8)) {
      case 0:
        return spliced(bytes, item.at, own.length, this.#pick(STRANGE))
      case 1:
        // Something else is announced than what follows.
        return spliced(bytes, item.at, item.content - item.at, head(item.major, this.#pick(LENGTHS), below(4) === 0))
      case 2: {
        const other = this.#pick(this.#seeds)
        const from = other.items.length === 0 ? null : this.#pick(other.items)
        const put = from === null ? other.bytes : other.bytes.subarray(from.at, from.end)
        return spliced(bytes, item.at, own.length, put)
      }
      case 3:
        return this.#listChanged(bytes, items)
      case 4:
        // The content is another one of the same length.
        return spliced(bytes, item.content, item.end - item.content, this.#random.bytes(item.end - item.content))
      case 5:
        return spliced(bytes, item.at, 0, head(below(8), below(30), false))
      case 6:
        return spliced(bytes, item.at, own.length, own.length === 1 ? Uint8Array.of(own[0]! ^ 1) : own.subarray(1))
      default:
        return spliced(bytes, item.at, 1, Uint8Array.of(bytes[item.at]! ^ (1 << below(8))))
    }
  }

  /** An item of a list is doubled, left out or changes places, and the list says so, or not. */
  #listChanged(bytes: Uint8Array, all: readonly Item[]): Uint8Array {
    const { below } = this.#random
    const lists = all.filter(({ items }) => items.length > 1)
    if (lists.length === 0) return this.#damaged(bytes)
    const list = this.#pick(lists)
    const parts = list.items.map(({ at, end }) => bytes.subarray(at, end))
    const [from, to] = [below(parts.length), below(parts.length)]
    const how = below(3)
    if (how === 0) parts.splice(to, 0, parts[from]!)
    else if (how === 1) parts.splice(from, 1)
    else [parts[from], parts[to]] = [parts[to]!, parts[from]!]
    const count = below(4) === 0 ? list.items.length : parts.length
    return spliced(bytes, list.at, list.end - list.at, Buffer.concat([head(ARRAY, count, false), ...parts]))
  }

  #pick<Of>(from: readonly Of[]): Of {
    return from[this.#random.below(from.length)]!
  }
}

/** @param isLong in nine bytes, whether it needs them or not */
function head(major: number, argument: number, isLong: boolean): Uint8Array {
  const type = major << 5
  if (isLong || argument >= 2 ** 32) return Buffer.concat([Uint8Array.of(type | 27), bigEndian(argument, 8)])
  if (argument < 24) return Uint8Array.of(type | argument)
  const width = argument < 2 ** 8 ? 0 : argument < 2 ** 16 ? 1 : 2
  return Buffer.concat([Uint8Array.of(type | (24 + width)), bigEndian(argument, 1 << width)])
}

function bigEndian(number: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(number))
  return bytes.subarray(8 - length)
}

function spliced(bytes: Uint8Array, at: number, remove: number, put: Uint8Array): Uint8Array {
  const rest = Math.min(bytes.length, at + remove)
  const made = new Uint8Array(at + put.length + bytes.length - rest)
  made.set(bytes.subarray(0, at))
  made.set(put, at)
  made.set(bytes.subarray(rest), at + put.length)
  return made
}

/** @returns all items of bytes that are one item of canonical CBOR; none of others */
function itemsOf(bytes: Uint8Array): readonly Item[] {
  const all: Item[] = []
  const item = (at: number): Item | null => {
    const first = bytes[at]
    if (first === undefined || (first & 31) > 27) return null
    const major = first >> 5
    const width = (first & 31) < 24 ? 0 : 1 << ((first & 31) - 24)
    const content = at + 1 + width
    let argument = width === 0 ? first & 31 : 0
    for (const byte of bytes.subarray(at + 1, content)) argument = argument * 256 + byte
    const items: Item[] = []
    let end = content + (major === 2 || major === 3 ? argument : 0)
    for (let i = 0; major === ARRAY && i < argument; i++) {
      const one = item(end)
      if (one === null) return null
      items.push(one)
      end = one.end
    }
    if (end > bytes.length) return null
    const made = { at, content, end, major, items }
    all.push(made)
    return made
  }
  return item(0)?.end === bytes.length ? all : []
}
