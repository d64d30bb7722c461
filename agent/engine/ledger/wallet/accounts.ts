import type { Keys } from "../../../ports/keys.ts"
import type { Random } from "../../../ports/random.ts"
import type { SigningKey } from "../../../ports/signing-key.ts"
import type { Store } from "../../../ports/store.ts"
import { TABLE } from "../../../schema/tables.ts"
import { NetworkError } from "../error.ts"

const SEED_BYTES = 32

/** An account whose key this home holds. */
export interface OwnAccount {
  /** As this home calls it. */
  readonly name: string
  /** 64 hex digits. */
  readonly publicKey: string
}

interface Row {
  readonly v: 1
  readonly publicKey: string
  readonly sealed: Uint8Array
}

export interface AccountsParts {
  readonly store: Store
  readonly keys: Keys
  readonly random: Random
  /** @param seed 32 bytes */
  openKey(seed: Uint8Array): SigningKey
}

/** The accounts of this home. Their seeds are in the store, sealed under the key of the home: so a backup has them. */
export class Accounts {
  readonly #parts: AccountsParts

  constructor(parts: AccountsParts) {
    this.#parts = parts
  }

  /** By name. */
  list(): readonly OwnAccount[] {
    return [...this.#parts.store.range(TABLE.account)].map(({ key, value }) => ({
      name: String(key[0]),
      publicKey: (value as Row).publicKey,
    }))
  }

  has(name: string): boolean {
    return this.#row(name) !== undefined
  }

  /** @throws NetworkError ACCOUNT_EXISTS */
  create(name: string): Promise<OwnAccount> {
    return this.add(name, this.#parts.random.bytes(SEED_BYTES))
  }

  /** @param seed 32 bytes @throws NetworkError ACCOUNT_EXISTS: neither a name nor a key is replaced */
  async add(name: string, seed: Uint8Array): Promise<OwnAccount> {
    const { store, keys, openKey } = this.#parts
    const { publicKey } = openKey(seed)
    const known = this.list().find((one) => one.name === name || one.publicKey === publicKey)
    if (known !== undefined) {
      throw new NetworkError({ code: "ACCOUNT_EXISTS", account: known.name }, `there is an account ${known.name}`, {
        remedy: known.name === name ? "take another name" : "it has this key already",
      })
    }
    const row: Row = { v: 1, publicKey, sealed: keys.seal(seed) }
    await store.write([{ put: TABLE.account, key: [name], value: row }])
    return { name, publicKey }
  }

  /** @throws NetworkError ACCOUNT_NOT_FOUND, ACCOUNT_LOST */
  keyOf(name: string): SigningKey {
    return this.#parts.openKey(this.seedOf(name))
  }

  /** What the account can be restored from anywhere. @throws NetworkError ACCOUNT_NOT_FOUND, ACCOUNT_LOST */
  seedOf(name: string): Uint8Array {
    const row = this.#row(name)
    if (row === undefined) {
      throw new NetworkError({ code: "ACCOUNT_NOT_FOUND", account: name }, `this home has no account ${name}`, {
        remedy: `mesg account list shows those it has; mesg account create ${name} makes it`,
      })
    }
    const seed = this.#parts.keys.open(row.sealed)
    if (seed !== null) return seed
    throw new NetworkError(
      { code: "ACCOUNT_LOST", account: name },
      `the key of the account ${name} was sealed under the key of another home`,
      { remedy: "import it under another name from where it was exported to, or restore the backup with its keys" },
    )
  }

  #row(name: string): Row | undefined {
    return this.#parts.store.get(TABLE.account, [name]) as Row | undefined
  }
}
