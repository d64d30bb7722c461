import { addressOf } from "../../base/address.ts"
import { toHex } from "../../base/bytes.ts"
import type { ConsensusKey } from "../../ports/consensus-key.ts"
import { signingKey } from "./ed25519.ts"
import { keyFile } from "./key-file.ts"
import { KEY_BYTES } from "./keys.ts"

/**
 * The consensus key of a home, made where there is none: a new one, which no sign-state and no ledger knows.
 * It never leaves its home: docs/spec/consensus.md#sign-state
 * @param dir `<home>/consensus`
 * @throws KeysError KEY_FILE_DAMAGED, KEY_FILE_EXPOSED, KEYS_NOT_WRITABLE
 */
export function openConsensusKey(dir: string): ConsensusKey {
  const { publicKey, sign } = signingKey(keyFile(dir, "key", KEY_BYTES))
  return { address: addressOf(publicKey), publicKey: toHex(publicKey), sign }
}
