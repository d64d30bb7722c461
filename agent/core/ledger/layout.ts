import { AMOUNT_MAX } from "../../base/amount.ts"
import { fromHex, toHex, utf8Length } from "../../base/bytes.ts"
import { type Canonical, decodeCanonical, encodeCanonical } from "../../base/canonical.ts"
import type { Amount } from "./terms.ts"

/**
 * How a value stands in canonical CBOR: both ways in one place, so that what is read is what is written.
 * `read` is total, and `write(read(item))` is the item again: a value has one encoding. docs/spec/ledger.md#encoding
 */
export interface Layout<Value> {
  write(value: Value): Canonical
  /** @returns `undefined` where the item is not of this layout */
  read(item: Canonical): Value | undefined
  /** How many items of canonical CBOR a value has at most: of bytes with more nothing is read. */
  readonly items: number
}

export type ValueOf<Of> = Of extends Layout<infer Value> ? Value : never

type Fields = Readonly<Record<string, Layout<unknown>>>
type RecordOf<Of extends Fields> = { readonly [Name in keyof Of]: ValueOf<Of[Name]> }
type ChoiceOf<Of extends Fields> = {
  readonly [Kind in keyof Of]: { readonly kind: Kind } & ValueOf<Of[Kind]>
}[keyof Of]

export function encode<Value>(layout: Layout<Value>, value: Value): Uint8Array {
  return encodeCanonical(layout.write(value))
}

/** Total: any bytes. @returns null where they are not canonical or not of this layout */
export function decode<Value>(layout: Layout<Value>, bytes: Uint8Array): Value | null {
  const decoded = decodeCanonical(bytes, layout.items)
  return decoded.ok ? (layout.read(decoded.value) ?? null) : null
}

/** A whole number from 0. */
export function whole(max = Number.MAX_SAFE_INTEGER): Layout<number> {
  return {
    write: (value) => value,
    read: (item) => (typeof item === "number" && item >= 0 && item <= max ? item : undefined),
    items: 1,
  }
}

export const flag: Layout<boolean> = {
  write: (value) => value,
  read: (item) => (typeof item === "boolean" ? item : undefined),
  items: 1,
}

/** A whole number of any size up to `max`: its bytes, big-endian, none in front that is zero; 0 has none. */
export function big(max: bigint): Layout<bigint> {
  return {
    write: (value) => {
      const digits = value === 0n ? "" : value.toString(16)
      return fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)!
    },
    read: (item) => {
      if (!(item instanceof Uint8Array) || item[0] === 0) return undefined
      const value = item.length === 0 ? 0n : BigInt(`0x${toHex(item)}`)
      return value <= max ? value : undefined
    },
    items: 1,
  }
}

export const amount: Layout<Amount> = big(AMOUNT_MAX)

/** At most so many bytes. */
export function bytes(max: number): Layout<Uint8Array> {
  return {
    write: (value) => value,
    read: (item) => (item instanceof Uint8Array && item.length <= max ? item : undefined),
    items: 1,
  }
}

/** Exactly so many bytes, in memory as lower-case hex. */
export function fixed<Hex extends string>(length: number): Layout<Hex> {
  return {
    write: (value) => fromHex(value)!,
    read: (item) => (item instanceof Uint8Array && item.length === length ? (toHex(item) as Hex) : undefined),
    items: 1,
  }
}

/** @param bytesMax of its UTF-8 */
export function text(bytesMax: number): Layout<string> {
  return {
    write: (value) => value,
    read: (item) => (typeof item === "string" && utf8Length(item) <= bytesMax ? item : undefined),
    items: 1,
  }
}

/** Only values that pass, of those that could be written. */
export function refined<Value>(of: Layout<Value>, isAllowed: (value: Value) => boolean): Layout<Value> {
  return {
    write: of.write,
    read: (item) => {
      const value = of.read(item)
      return value !== undefined && isAllowed(value) ? value : undefined
    },
    items: of.items,
  }
}

export function optional<Value extends NonNullable<unknown>>(of: Layout<Value>): Layout<Value | null> {
  return {
    write: (value) => (value === null ? null : of.write(value)),
    read: (item) => (item === null ? null : of.read(item)),
    items: of.items,
  }
}

export function list<Value>(of: Layout<Value>, max: number): Layout<readonly Value[]> {
  return {
    write: (values) => values.map((value) => of.write(value)),
    read: (item) => {
      if (!isList(item) || item.length > max) return undefined
      const values: Value[] = []
      for (const one of item) {
        const value = of.read(one)
        if (value === undefined) return undefined
        values.push(value)
      }
      return values
    },
    items: 1 + max * of.items,
  }
}

/** A list whose places are the fields, in the order given. */
export function record<Of extends Fields>(fields: Of): Layout<RecordOf<Of>> {
  const named = Object.entries(fields) as [string, Layout<unknown>][]
  return {
    write: (value) => named.map(([name, field]) => field.write((value as Record<string, unknown>)[name])),
    read: (item) => {
      if (!isList(item) || item.length !== named.length) return undefined
      const value: Record<string, unknown> = {}
      for (const [i, [name, field]] of named.entries()) {
        const one = field.read(item[i]!)
        if (one === undefined) return undefined
        value[name] = one
      }
      return value as RecordOf<Of>
    },
    items: named.reduce((sum, [, field]) => sum + field.items, 1),
  }
}

/** One of several records: its number, then its record. A number once given stays. */
export function choice<Of extends Fields>(
  numbers: Readonly<Record<keyof Of & string, number>>,
  kinds: Of,
): Layout<ChoiceOf<Of>> {
  const kindOf = new Map(Object.entries(numbers).map(([kind, number]) => [number as number, kind]))
  const layoutOf = (kind: string) => kinds[kind] as unknown as Layout<object>
  return {
    write: (value) => [numbers[value.kind as keyof Of & string], layoutOf(value.kind as string).write(value)],
    read: (item) => {
      if (!isList(item) || item.length !== 2 || typeof item[0] !== "number") return undefined
      const kind = kindOf.get(item[0])
      const value = kind === undefined ? undefined : layoutOf(kind).read(item[1]!)
      return value === undefined ? undefined : ({ kind, ...value } as ChoiceOf<Of>)
    },
    items: 2 + Math.max(...Object.values(kinds).map((of) => of.items)),
  }
}

function isList(item: Canonical): item is readonly Canonical[] {
  return Array.isArray(item)
}
