import type { Address } from "../../agent/base/address.ts"
import { concatBytes, utf8 } from "../../agent/base/bytes.ts"
import { sha256 } from "../../agent/base/hash.ts"
import type { ConsensusKey } from "../../agent/ports/consensus-key.ts"

/** Signs as a key would for whoever does not look: the same bytes again, other ones for other bytes or another name. */
export function hashKey(address: string): ConsensusKey {
  return {
    address: address as Address,
    publicKey: "",
    sign: (bytes) => {
      const half = sha256(utf8(address), bytes)
      return concatBytes(half, half)
    },
  }
}
