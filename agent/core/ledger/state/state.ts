import { toHex } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { damaged } from "../error.ts"
import { decode, encode } from "../layout.ts"
import type { Amount } from "../terms.ts"
import { placeOf } from "../tree/proof.ts"
import { type TreeUpdate, updateTree } from "../tree/update.ts"
import { type Place, type Totals, totalsAt } from "./records.ts"

/** The state as it stood after the last block: what the ledger asks of a store. */
export interface View {
  record(name: string): Uint8Array | null
  node(path: string): Uint8Array | null
  /** @returns the first name after `after` that begins with `prefix`, in the order of bytes */
  next(prefix: string, after: string): string | null
}

/** Where tokens are. They only ever go from one of these to another. */
export type Purse = Exclude<keyof Totals, "minted">

/** What a block makes of the state: written down here, and given to the store in one piece. */
export class State {
  readonly #below: Pick<State, "bytes" | "names"> | null
  readonly #view: View
  readonly #written = new Map<string, Uint8Array | null>()
  readonly #moved = new Map<Purse, Amount>()
  readonly #allowed: ReadonlySet<string> | null
  /** R2: the first record that was read or changed and not named. */
  undeclared: string | null = null

  private constructor(view: View, below: State | null, allowed: ReadonlySet<string> | null) {
    this.#view = view
    this.#below = below
    this.#allowed = allowed
  }

  static over(view: View): State {
    return new State(view, null, null)
  }

  /** For one transaction: what it does is here until it is taken over. @param allowed the records that it may touch */
  limitedTo(allowed: ReadonlySet<string>): State {
    return new State(this.#view, this, allowed)
  }

  /** @throws LedgerError STATE_DAMAGED: bytes that are no such record */
  get<Value>(place: Place<Value>): Value | null {
    this.#touch(place.name)
    const bytes = this.bytes(place.name)
    if (bytes === null) return null
    const value = decode(place.layout, bytes)
    if (value === null) throw damaged(`the record ${place.name} cannot be read`)
    return value
  }

  /** @throws LedgerError STATE_DAMAGED: a record that every chain has, or that another one speaks of, is missing */
  must<Value>(place: Place<Value>): Value {
    const value = this.get(place)
    if (value === null) throw damaged(`the record ${place.name} is missing`)
    return value
  }

  put<Value>(place: Place<Value>, value: Value): void {
    this.#touch(place.name)
    this.#written.set(place.name, encode(place.layout, value))
  }

  drop(place: Place<unknown>): void {
    this.#touch(place.name)
    this.#written.set(place.name, null)
  }

  move(from: Purse, to: Purse, amount: Amount): void {
    this.#moved.set(from, (this.#moved.get(from) ?? 0n) - amount)
    this.#moved.set(to, (this.#moved.get(to) ?? 0n) + amount)
  }

  bytes(name: string): Uint8Array | null {
    const written = this.#written.get(name)
    if (written !== undefined) return written
    return this.#below === null ? this.#view.record(name) : this.#below.bytes(name)
  }

  /** @returns the first names after `after` that begin so, in order. Of a whole block only, not of a transaction. */
  names(prefix: string, max: number, after = prefix): readonly string[] {
    const own = [...this.#written].filter(([name]) => name.startsWith(prefix) && name > after)
    const names = own.filter(([, bytes]) => bytes !== null).map(([name]) => name)
    let kept = 0
    for (let name = this.#view.next(prefix, after); name !== null && kept < max; name = this.#view.next(prefix, name)) {
      if (this.#written.has(name)) continue
      names.push(name)
      kept++
    }
    return names.sort().slice(0, max)
  }

  hasWritten(prefix: string): boolean {
    for (const name of this.#written.keys()) if (name.startsWith(prefix)) return true
    return false
  }

  /** What a transaction did becomes part of the block. */
  takeOver(of: State): void {
    for (const [name, bytes] of of.#written) this.#written.set(name, bytes)
    for (const [purse, delta] of of.#moved) this.#moved.set(purse, (this.#moved.get(purse) ?? 0n) + delta)
  }

  /**
   * I1: all that was minted is somewhere, and nothing is less than nothing.
   * @throws LedgerError STATE_DAMAGED
   */
  close(): { readonly writes: ReadonlyMap<string, Uint8Array | null>; readonly tree: TreeUpdate } {
    if (this.#moved.size > 0) this.put(totalsAt, this.#balanced(this.must(totalsAt)))
    const changes = [...this.#written].map(([name, bytes]) => [toHex(placeOf(name)), bytes && sha256(bytes)] as const)
    return { writes: this.#written, tree: updateTree((path) => this.#view.node(path), new Map(changes)) }
  }

  #balanced(before: Totals): Totals {
    const totals = { ...before } as { -readonly [Name in keyof Totals]: Amount }
    for (const [purse, delta] of this.#moved) totals[purse] += delta
    const { minted, ...purses } = totals
    const held = Object.values(purses)
    if (held.some((amount) => amount < 0n) || held.reduce((sum, amount) => sum + amount, 0n) !== minted) {
      throw damaged("its totals do not add up")
    }
    return totals
  }

  #touch(name: string): void {
    if (this.#allowed === null || this.#allowed.has(name) || FREE.test(name)) return
    this.undeclared ??= name
  }
}

/** R2: what every transaction reads, and what follows from a record that it names. */
const FREE = /^(?:chain\/(?:parameters|epoch)$|(?:due|rank|mark|committee|begun|slash)\/)/
