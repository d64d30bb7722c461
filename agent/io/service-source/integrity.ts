import { createHash, type Hash } from "node:crypto"
import { SourceError } from "./error.ts"

/** Strongest first; weaker ones promise nothing any more. */
const ALGORITHMS = ["sha512", "sha384", "sha256"] as const
const DIGEST_BYTES = { sha512: 64, sha384: 48, sha256: 32 } as const

/** Bytes that are checked against a promise of Subresource Integrity: `sha512-<base64>`. */
export class Integrity {
  readonly #hash: Hash
  readonly #wanted: ReadonlySet<string>

  private constructor(algorithm: string, wanted: ReadonlySet<string>) {
    this.#hash = createHash(algorithm)
    this.#wanted = wanted
  }

  /** @param promise one or several, separated by spaces: the strongest kind counts @returns null where none is strong enough */
  static of(promise: string): Integrity | null {
    const parts = promise.split(/\s+/).map((part) => part.split("?", 1)[0]!)
    for (const algorithm of ALGORITHMS) {
      const digests = parts
        .filter((part) => part.startsWith(`${algorithm}-`))
        .map((part) => Buffer.from(part.slice(algorithm.length + 1), "base64"))
        .filter((digest) => digest.length === DIGEST_BYTES[algorithm])
      if (digests.length > 0) return new Integrity(algorithm, new Set(digests.map((digest) => digest.toString("hex"))))
    }
    return null
  }

  update(part: Uint8Array): void {
    this.#hash.update(part)
  }

  /** @throws SourceError PACKAGE_ALTERED */
  check(source: string): void {
    if (this.#wanted.has(this.#hash.digest("hex"))) return
    throw new SourceError({ code: "PACKAGE_ALTERED", source }, `${source} is not what was promised: its hash differs`, {
      remedy: "download it again; if it stays so, somebody changed it: ask who publishes it",
    })
  }
}
