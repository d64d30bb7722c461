import { CHECK_TIME_MS_MAX } from "../base/limits.ts"
import { Patience } from "./patience.ts"

/** A pattern of a schema takes longer than CHECK_TIME_MS_MAX over one text. */
export class PatternTooSlow extends Error {}

/**
 * A regular expression of somebody else's schema. Backtracking can take hours over thirty characters, and nobody else runs
 * meanwhile: one of which that cannot be ruled out is given a time.
 */
export class Pattern {
  readonly #expression: RegExp
  readonly #isPlain: boolean
  readonly #patience = new Patience()

  /** @throws SyntaxError */
  constructor(source: string, flags: string) {
    this.#expression = new RegExp(source, flags)
    this.#isPlain = isPlain(source)
  }

  /** By this Ajv takes two for the same. */
  toString(): string {
    return String(this.#expression)
  }

  /** @throws PatternTooSlow */
  test(text: string): boolean {
    if (this.#isPlain) return this.#expression.test(text)
    const tested = this.#patience.run(() => this.#expression.test(text))
    if (tested !== null) return tested.value
    throw new PatternTooSlow(`the pattern ${this.#expression.source} takes more than ${CHECK_TIME_MS_MAX} ms`)
  }
}

/**
 * Whether it reads a text once, and no part of it more than a few times: it is bound to the beginning, nothing but single
 * characters is repeated, and few of them.
 */
function isPlain(source: string): boolean {
  const atoms = source.replace(/\\[^1-9kpPbB]|\[(?:\\.|[^\]\\])*\]/g, "x")
  const isBound = atoms.startsWith("^") && !/\\|\(\?|\)[*+{]/.test(atoms) && !hasBranchesAtTop(atoms)
  return isBound && (atoms.match(/[*+{]/g)?.length ?? 0) <= 1 && (atoms.match(/\?/g)?.length ?? 0) <= 4
}

function hasBranchesAtTop(atoms: string): boolean {
  let depth = 0
  for (const atom of atoms) {
    if (atom === "(") depth++
    else if (atom === ")") depth--
    else if (atom === "|" && depth === 0) return true
  }
  return false
}
