import { join } from "node:path"
import { LmdbStore, type StoreOptions } from "../../agent/io/store/store.ts"
import { KeptLog } from "./kept-log.ts"
import { tempDir } from "./temp-dir.ts"

const QUOTA_BYTES = 2 ** 26

/** The real store, closed, in a folder that need not be there. */
export function storeIn(dir: string, options: Partial<StoreOptions> = {}): LmdbStore {
  return new LmdbStore({ dir, quotaBytes: QUOTA_BYTES, copies: 2, log: new KeptLog(), ...options })
}

/** @returns where the data of a home will be */
export function newHome(): string {
  return join(tempDir("home"), "data")
}
