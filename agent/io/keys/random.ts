import { randomFillSync } from "node:crypto"
import type { Random } from "../../ports/random.ts"

const POOL_BYTES = 4096

/** Filled from the kernel at a time: asking it for a few bytes costs as much as for a page. */
const pool = new Uint8Array(POOL_BYTES)
let used = POOL_BYTES

/** The kernel's randomness; no byte is given out twice, and what was given out is wiped here. */
export const systemRandom: Random = {
  bytes(length) {
    if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length))
    if (used + length > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + length)
    pool.fill(0, used, used + length)
    used += length
    return bytes
  },
}
