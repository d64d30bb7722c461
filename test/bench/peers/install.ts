import { npmCache } from "../../support/npm-cache.ts"
import type { Bench } from "../bench.ts"

/**
 * Installs a program to compare with, outside the checkout, once.
 * @param packages with their exact versions
 * @returns its folder, or null where it cannot be installed here: the figures are then without this peer
 */
export function installed(bench: Bench, name: string, packages: readonly string[]): string | null {
  try {
    return npmCache(name, packages)
  } catch {
    bench.note(`${name} cannot be installed here: its figures are left out`)
    return null
  }
}
