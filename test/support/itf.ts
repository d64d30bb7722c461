/** A value of the Informal Trace Format, as the simulator of Quint writes it. */
export type Itf =
  | string
  | boolean
  | { readonly "#bigint": string }
  | { readonly "#tup": readonly Itf[] }
  | { readonly "#set": readonly Itf[] }
  | { readonly "#map": readonly (readonly [Itf, Itf])[] }
  | Tagged
  | { readonly [field: string]: Itf }

/** A sum type: `value` is the empty tuple where the case carries nothing. */
export interface Tagged {
  readonly tag: string
  readonly value: Itf
}

const NOTHING: Itf = { "#tup": [] }

export const tagged = (tag: string, value: Itf = NOTHING): Tagged => ({ tag, value })
export const integer = (value: number): Itf => ({ "#bigint": String(value) })
export const tuple = (...parts: Itf[]): Itf => ({ "#tup": parts })

export function asTagged(value: Itf): Tagged {
  if (typeof value === "object" && "tag" in value && typeof value.tag === "string") return value as Tagged
  throw new TypeError(`not a case of a sum: ${JSON.stringify(value)}`)
}

/** Also plain numbers, which some writers leave for small integers. */
export function asInteger(value: Itf | number): number {
  const text = typeof value === "object" && "#bigint" in value ? value["#bigint"] : value
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw new TypeError(`not a safe integer: ${JSON.stringify(value)}`)
}

export function asText(value: Itf): string {
  if (typeof value === "string") return value
  throw new TypeError(`not a text: ${JSON.stringify(value)}`)
}

export function asTuple(value: Itf): readonly Itf[] {
  return parts(value, "#tup")
}

export function asSet(value: Itf): readonly Itf[] {
  return parts(value, "#set")
}

export function asMap(value: Itf): readonly (readonly [Itf, Itf])[] {
  return parts(value, "#map") as unknown as readonly (readonly [Itf, Itf])[]
}

export function field(record: Itf, name: string): Itf {
  const value = typeof record === "object" ? (record as { readonly [field: string]: Itf })[name] : undefined
  if (value === undefined) throw new TypeError(`no ${name} in ${JSON.stringify(record)}`)
  return value
}

function parts(value: Itf, name: "#tup" | "#set" | "#map"): readonly Itf[] {
  const found = typeof value === "object" ? (value as { readonly [field: string]: unknown })[name] : undefined
  if (Array.isArray(found)) return found as Itf[]
  throw new TypeError(`no ${name}: ${JSON.stringify(value)}`)
}
