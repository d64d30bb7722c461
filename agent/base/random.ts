/** A seeded generator (xoshiro128**): the same seed gives the same numbers on every machine. Not for keys or ids in production. */
export interface SeededRandom {
  /** 0 <= value < 1 */
  next(): number
  /** An integer, 0 <= value < limit. */
  below(limit: number): number
  bytes(length: number): Uint8Array
}

export function seededRandom(seed: number): SeededRandom {
  const state = new Uint32Array(4)
  let spread = seed >>> 0
  for (let i = 0; i < 4; i++) {
    // splitmix32: neighbouring seeds must not give neighbouring states.
    spread = (spread + 0x9e3779b9) >>> 0
    let z = spread
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    state[i] = (z ^ (z >>> 16)) >>> 0
  }
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k))
  const uint32 = () => {
    const result = Math.imul(rotate(Math.imul(state[1]!, 5), 7), 9) >>> 0
    const t = state[1]! << 9
    state[2]! ^= state[0]!
    state[3]! ^= state[1]!
    state[1]! ^= state[2]!
    state[0]! ^= state[3]!
    state[2]! ^= t
    state[3] = rotate(state[3]!, 11)
    return result
  }
  const next = () => uint32() / 2 ** 32
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    bytes: (length) => Uint8Array.from({ length }, () => uint32() & 255),
  }
}
