/** One entry of `flows.json`, as untrusted as a file of a user is: every property may be missing or of any kind. */
export type Raw = Readonly<Record<string, unknown>>

/** @returns the entries that are nodes at all; what is no object with a text as `id` and `type` is passed over */
export function rawNodes(flows: unknown): Raw[] {
  return listOf(flows).filter((entry): entry is Raw => isMap(entry) && idOf(entry) !== "" && typeOf(entry) !== "")
}

export function isMap(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** @returns the property if it is a text, else "" */
export function textOf(raw: Raw, key: string): string {
  const value = Object.hasOwn(raw, key) ? raw[key] : undefined
  return typeof value === "string" ? value : ""
}

export function textsOf(value: unknown): string[] {
  return listOf(value).filter((item) => typeof item === "string")
}

export const idOf = (raw: Raw): string => textOf(raw, "id")
export const typeOf = (raw: Raw): string => textOf(raw, "type")
/** The tab or subflow that a node stands on. */
export const homeOf = (raw: Raw): string => textOf(raw, "z")
export const isDisabled = (raw: Raw): boolean => raw["d"] === true

/** How many output ports have an entry in `wires`. */
export function portCount(raw: Raw): number {
  return listOf(raw["wires"]).length
}

/** @returns the ids of the nodes behind an output port */
export function wiresAt(raw: Raw, port: number): string[] {
  return textsOf(listOf(raw["wires"])[port])
}

/** The wires of one port of a subflow's frame: the nodes inside that it leads to or comes from. */
export function frameWires(frame: unknown): { readonly id: string; readonly port: number }[] {
  return (isMap(frame) ? listOf(frame["wires"]) : [])
    .filter(isMap)
    .map((wire) => ({ id: idOf(wire), port: typeof wire["port"] === "number" ? wire["port"] : 0 }))
}
