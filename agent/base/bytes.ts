const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** @returns how many bytes the text takes */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text)
}

/** @returns the text, or null where the bytes are not valid UTF-8 */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

/** @returns where the first character begins that is no UTF-8; null where there is none */
export function invalidUtf8At(bytes: Uint8Array): number | null {
  if (fromUtf8(bytes) !== null) return null
  // Half a character at the end is let pass here, so what breaks is the byte that cannot go on.
  const breaks = (length: number) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream: true })
      return false
    } catch {
      return true
    }
  }
  let good = 0
  let bad = bytes.length + 1
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (breaks(middle)) bad = middle
    else good = middle
  }
  // The longest prefix of whole characters begins the fault.
  for (let start = good; start > good - 4 && start >= 0; start--) {
    if (fromUtf8(bytes.subarray(0, start)) !== null) return start
  }
  return good
}

// The nodes of Node-RED and the sdk run on Node 22 too, which has neither: its bytes are made one by one.
const HAS_HEX = "fromHex" in Uint8Array

export function toHex(bytes: Uint8Array): string {
  return HAS_HEX ? bytes.toHex() : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** @returns the bytes, or null where the text is not an even number of hex digits */
export function fromHex(text: string): Uint8Array | null {
  if (!HAS_HEX) {
    const isHex = /^(?:[\da-f]{2})*$/i.test(text)
    return isHex ? Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)) : null
  }
  try {
    return Uint8Array.fromHex(text)
  } catch {
    return null
  }
}

/** A copy for what is held for long: a small Buffer is a piece of Node's pool, and keeps all 64 KiB of it. */
export function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return concatAll(parts)
}

/** As `concatBytes`, of any number of parts: more than a hundred thousand arguments do not fit on the stack. */
export function concatAll(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
