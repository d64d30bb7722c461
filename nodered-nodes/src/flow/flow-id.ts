/**
 * An id for a node as Node-RED makes them, 16 hex digits, but always the same for the same names: FNV-1a, twice 32 bits.
 * Two names may in theory share one; with a thousand nodes that is less likely than 1 in 10^13.
 */
export function flowId(names: readonly string[]): string {
  const text = names.join("\n")
  return hash(text, 0x811c9dc5) + hash(text, 0x01000193)
}

function hash(text: string, basis: number): string {
  let value = basis
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
    // Mixes the high bits down, so that the two halves differ by more than their basis.
    value ^= value >>> 15
  }
  return (value >>> 0).toString(16).padStart(8, "0")
}
