import { renameSync } from "node:fs"
import { join } from "node:path"
import type { ConsensusKey } from "../../ports/consensus-key.ts"
import { makeFolder, syncFolder } from "../folder.ts"
import { keyFile } from "./key-file.ts"
import { KEY_BYTES } from "./keys.ts"
import { openSigningKey } from "./signing-key.ts"

/**
 * The consensus key of a home, made where there is none: a new one, which no sign-state and no ledger knows.
 * It never leaves its home: docs/spec/consensus.md#sign-state
 * @param dir `<home>/consensus`
 * @throws KeysError KEY_FILE_DAMAGED, KEY_FILE_EXPOSED, KEYS_NOT_WRITABLE
 */
export function openConsensusKey(dir: string): ConsensusKey {
  return openSigningKey(keyFile(dir, "key", KEY_BYTES))
}

/** The key stays with what it signed on a chain that is left: the next one that is opened is a new one. */
export function retireConsensusKey(dir: string, chain: string): void {
  makeFolder(join(dir, chain))
  renameSync(join(dir, "key"), join(dir, chain, "key"))
  syncFolder(join(dir, chain))
  syncFolder(dir)
}
