import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { STORE_CHECK_PAGES_PER_WORD } from "../../base/limits.ts"
import { isWhole } from "./record.ts"

/*
 * Reads an LMDB file page by page, without LMDB, and proves that LMDB can use it: LMDB trusts its file and maps it, so
 * a damaged page is SIGBUS, SIGSEGV or, worse, a live page taken for a free one. Layout as in LMDB's mdb.c (data
 * version 2, 64 bit, little-endian): MDB_meta, MDB_page, MDB_node, MDB_db; the free list as in this LMDB's midl.c.
 *
 *   page   : number 0..8, txn 8..16, pad 16..18, flags 18..20, lower 20..22, upper 22..24 (or pages 20..24), from 24 on
 *            the offsets of nodes (2 bytes each, counted from 24)
 *   node   : low 2, high 2, flags 2, key size 2, key, data; in a branch low, high, flags are the child's number
 *   meta   : magic 24, version 28, address 32, map 40, page size 48, free tree 48..96, main tree 96..144, last page 144, txn 152
 *   tree   : pad 0..4, flags 4..6, depth 6..8, branches 8, leaves 16, overflows 24, entries 32, root 40
 */
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const HEADER = 24
const BRANCH = 0x01
const LEAF = 0x02
const OVERFLOW = 0x04
const META = 0x08
const BIG_DATA = 0x01
const NO_PAGE = 2n ** 64n - 1n
const DEPTH_MAX = 32
const MAP_BYTES_MAX = 2n ** 44n
/** MDB_INTEGERKEY of the free tree, MDB_NOSUBDIR and MDB_SAFE_RESTORE as LMDB keeps them. */
const FLAGS_KNOWN = 0x4808
const FIRST_PAGE = 2

/** Hears now and then which share of a file was read or written, 0..1. */
export type Tell = (share: number) => void

export type WalkVerdict =
  | { readonly ok: true; readonly entries: number; readonly pages: number; readonly txn: number }
  | { readonly ok: false; readonly reason: string }

interface Tree {
  readonly name: "free" | "main"
  readonly depth: number
  readonly branches: number
  readonly leaves: number
  readonly overflows: number
  readonly entries: number
  readonly root: number | null
}

class Damage extends Error {}

/**
 * Every page of the newest snapshot is what it says, in its place, reached once; keys ascend; every record matches its
 * checksum; no page is both free and in use. Never throws for what is in the file.
 * @throws Error of the file system
 */
export function walkPages(path: string, tell: Tell = () => {}): WalkVerdict {
  const file = openSync(path, "r")
  try {
    return new Walk(file, tell).verdict()
  } catch (error) {
    if (error instanceof Damage) return { ok: false, reason: error.message }
    throw error
  } finally {
    closeSync(file)
  }
}

/**
 * The free pages of the newest snapshot, as runs. Only while nothing is written.
 * @param file a descriptor of an LMDB file
 * @param visit gets the transaction that gave the pages back, the first one's number and how many
 * @throws Error where the list is damaged
 */
export function walkFreePages(file: number, visit: (txn: number, first: number, count: number) => void): void {
  new Walk(file).freePages(visit)
}

class Walk {
  readonly #file: number
  readonly #fileBytes: number
  readonly #tell: Tell
  #taken = 0
  #pageBytes = 4096
  #lastPage = 0
  #seen = new Uint8Array(0)
  #counted = { branches: 0, leaves: 0, overflows: 0, entries: 0 }

  constructor(file: number, tell: Tell = () => {}) {
    this.#file = file
    this.#tell = tell
    this.#fileBytes = fstatSync(file).size
  }

  verdict(): WalkVerdict {
    const meta = this.#start()
    const main = treeAt(meta, 96, "main")
    this.#walkTree(main, (key, data) => {
      if (!isWhole(key, data)) throw new Damage("a record does not match its checksum")
    })
    this.#walkFree(meta, () => undefined)
    return { ok: true, entries: main.entries, pages: this.#lastPage + 1, txn: wholeNumber(meta, 152, "txn") }
  }

  freePages(visit: (txn: number, first: number, count: number) => void): void {
    this.#walkFree(this.#start(), visit)
  }

  #start(): DataView {
    const meta = this.#newestMeta()
    this.#lastPage = wholeNumber(meta, 144, "last page")
    if (this.#lastPage > this.#fileBytes / 512) throw new Damage("the last page lies far past the end of the file")
    this.#seen = new Uint8Array(this.#lastPage + 1)
    return meta
  }

  #walkFree(meta: DataView, visit: (txn: number, first: number, count: number) => void): void {
    this.#walkTree(treeAt(meta, 48, "free"), (key, data) => {
      if (key.length !== 8) throw new Damage("a list of free pages belongs to no transaction")
      const txn = Number(new DataView(key.buffer, key.byteOffset, 8).getBigUint64(0, true))
      this.#free(data, (first, count) => visit(txn, first, count))
    })
  }

  #newestMeta(): DataView {
    const first = this.#meta(0)
    this.#pageBytes = first.getUint32(48, true)
    if (![4096, 8192, 16384, 32768, 65536].includes(this.#pageBytes)) throw new Damage("the page size is impossible")
    const second = this.#meta(this.#pageBytes)
    const [newer, older] =
      first.getBigUint64(152, true) >= second.getBigUint64(152, true) ? [first, second] : [second, first]
    // Transaction N writes header N % 2; a copy has only its own.
    const [txn, before] = [newer.getBigUint64(152, true), older.getBigUint64(152, true)]
    const inTurn = before === 0n || (txn === before + 1n && txn % 2n === (newer === second ? 1n : 0n))
    if (!inTurn || second.getUint32(48, true) !== this.#pageBytes)
      throw new Damage("LMDB's headers contradict each other")
    return newer
  }

  #meta(at: number): DataView {
    const meta = this.#read(at, 168)
    const known =
      meta.getUint16(18, true) & META && meta.getUint32(24, true) === MAGIC && meta.getUint16(28, true) === DATA_VERSION
    if (!known) throw new Damage(`no LMDB header at byte ${at}`)
    // What LMDB takes from here without a look: how to map the file, and of which kind its trees are.
    const usable =
      meta.getBigUint64(32, true) === 0n &&
      meta.getBigUint64(40, true) <= MAP_BYTES_MAX &&
      (meta.getUint16(52, true) & ~FLAGS_KNOWN) === 0 &&
      meta.getUint32(96, true) === 0 &&
      meta.getUint16(100, true) === 0
    if (!usable) throw new Damage(`the LMDB header at byte ${at} asks for what this store never asked for`)
    return meta
  }

  #walkTree(tree: Tree, visit: (key: Uint8Array, data: Uint8Array) => void): void {
    this.#counted = { branches: 0, leaves: 0, overflows: 0, entries: 0 }
    if (tree.depth > DEPTH_MAX) throw new Damage(`the ${tree.name} tree is impossibly deep`)
    if (tree.root !== null) this.#walkPage(tree, tree.root, 1, null, null, visit)
    const { branches, leaves, overflows, entries } = this.#counted
    if (
      branches !== tree.branches ||
      leaves !== tree.leaves ||
      overflows !== tree.overflows ||
      entries !== tree.entries
    )
      throw new Damage(`the ${tree.name} tree does not hold what its header says`)
  }

  /** @param low first key that may be here @param high first key that may not */
  #walkPage(
    tree: Tree,
    number: number,
    depth: number,
    low: Uint8Array | null,
    high: Uint8Array | null,
    visit: (key: Uint8Array, data: Uint8Array) => void,
  ): void {
    this.#take(number)
    const page = this.#read(number * this.#pageBytes, this.#pageBytes)
    const leaf = depth === tree.depth
    if (wholeNumber(page, 0, "page number") !== number || page.getUint16(18, true) !== (leaf ? LEAF : BRANCH))
      throw new Damage(`page ${number} is not the page that belongs there`)
    const nodes = this.#nodes(page, number)
    if (leaf) this.#counted.leaves++
    else this.#counted.branches++
    let before: Uint8Array | null = null
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!
      const key = node.key
      // The first key of a branch page stands for everything below the second and may be empty.
      if (leaf || i > 0) {
        if (before && compare(tree, before, key) >= 0) throw new Damage(`keys of page ${number} do not ascend`)
        if ((low && compare(tree, key, low) < 0) || (high && compare(tree, key, high) >= 0))
          throw new Damage(`a key of page ${number} belongs elsewhere`)
        before = key
      }
      if (leaf) {
        this.#counted.entries++
        visit(key, this.#data(page, node, number))
      } else {
        const child = node.low + node.flags * 2 ** 32
        this.#walkPage(tree, child, depth + 1, i === 0 ? low : key, nodes[i + 1]?.key ?? high, visit)
      }
    }
  }

  #nodes(page: DataView, number: number): { key: Uint8Array; low: number; flags: number; dataAt: number }[] {
    const lower = page.getUint16(20, true)
    const upper = page.getUint16(22, true)
    const room = this.#pageBytes - HEADER
    if (lower === 0 || lower % 2 !== 0 || lower > upper || upper > room)
      throw new Damage(`page ${number} has no bounds`)
    return Array.from({ length: lower / 2 }, (_, i) => {
      const at = page.getUint16(HEADER + i * 2, true) + HEADER
      if (at < upper + HEADER || at + 8 > this.#pageBytes) throw new Damage(`a node of page ${number} lies outside it`)
      const dataAt = at + 8 + page.getUint16(at + 6, true)
      if (dataAt > this.#pageBytes) throw new Damage(`a key of page ${number} lies outside it`)
      return {
        key: new Uint8Array(page.buffer, page.byteOffset + at + 8, dataAt - at - 8),
        low: page.getUint32(at, true),
        flags: page.getUint16(at + 4, true),
        dataAt,
      }
    })
  }

  #data(page: DataView, node: { low: number; flags: number; dataAt: number }, number: number): Uint8Array {
    const big = node.flags === BIG_DATA
    if (!big && node.flags !== 0) throw new Damage(`a node of page ${number} is of no known kind`)
    const bytes = big ? 24 : node.low
    if (node.dataAt + bytes > this.#pageBytes) throw new Damage(`a record of page ${number} lies outside it`)
    if (!big) return new Uint8Array(page.buffer, page.byteOffset + node.dataAt, bytes)
    const count = wholeNumber(page, node.dataAt + 16, "number of overflow pages")
    return this.#overflow(wholeNumber(page, node.dataAt, "overflow page"), count, node.low)
  }

  /** @param count may be more than needed: a record that shrinks keeps its pages */
  #overflow(number: number, count: number, bytes: number): Uint8Array {
    if (count * this.#pageBytes < HEADER + bytes) throw new Damage(`page ${number} is too small for its record`)
    for (let i = 0; i < count; i++) this.#take(number + i)
    this.#counted.overflows += count
    const pages = this.#read(number * this.#pageBytes, HEADER + bytes)
    const sound =
      wholeNumber(pages, 0, "page number") === number &&
      pages.getUint16(18, true) === OVERFLOW &&
      pages.getUint32(20, true) === count
    if (!sound) throw new Damage(`page ${number} is not the page that belongs there`)
    return new Uint8Array(pages.buffer, pages.byteOffset + HEADER, bytes)
  }

  /** A list of free pages: its length, then numbers; a negative one is the length of a run whose first page follows. */
  #free(list: Uint8Array, visit: (first: number, count: number) => void): void {
    if (list.length < 8 || list.length % 8 !== 0) throw new Damage("a list of free pages has no length")
    const ids = new DataView(list.buffer, list.byteOffset, list.length)
    const length = Number(ids.getBigUint64(0, true))
    if (length > list.length / 8 - 1) throw new Damage("a list of free pages is longer than its record")
    for (let i = 1; i <= length; i++) {
      const id = Number(ids.getBigInt64(i * 8, true))
      if (id === 0) continue
      if (id < 0 && i === length) throw new Damage("a run of free pages has no first page")
      const first = id > 0 ? id : Number(ids.getBigInt64(++i * 8, true))
      const count = Math.max(1, -id)
      for (let page = first; page < first + count; page++) this.#take(page)
      visit(first, count)
    }
  }

  #take(number: number): void {
    if (!(number >= FIRST_PAGE && number <= this.#lastPage)) throw new Damage(`page ${number} is outside the store`)
    if (this.#seen[number]) throw new Damage(`page ${number} is used twice`)
    this.#seen[number] = 1
    if (++this.#taken % STORE_CHECK_PAGES_PER_WORD === 0) this.#tell(this.#taken / this.#lastPage)
  }

  #read(at: number, bytes: number): DataView {
    if (at + bytes > this.#fileBytes) throw new Damage(`the file ends before byte ${at + bytes}`)
    const buffer = Buffer.alloc(bytes)
    let done = 0
    while (done < bytes) {
      const read = readSync(this.#file, buffer, done, bytes - done, at + done)
      if (read === 0) throw new Damage(`the file ends at byte ${at + done}`)
      done += read
    }
    return new DataView(buffer.buffer, buffer.byteOffset, bytes)
  }
}

function treeAt(meta: DataView, at: number, name: Tree["name"]): Tree {
  return {
    name,
    depth: meta.getUint16(at + 6, true),
    branches: wholeNumber(meta, at + 8, "branch pages"),
    leaves: wholeNumber(meta, at + 16, "leaf pages"),
    overflows: wholeNumber(meta, at + 24, "overflow pages"),
    entries: wholeNumber(meta, at + 32, "entries"),
    root: meta.getBigUint64(at + 40, true) === NO_PAGE ? null : wholeNumber(meta, at + 40, "root"),
  }
}

function wholeNumber(view: DataView, at: number, what: string): number {
  const value = view.getBigUint64(at, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Damage(`the ${what} is no number of this file`)
  return Number(value)
}

function compare(tree: Tree, a: Uint8Array, b: Uint8Array): number {
  if (tree.name === "main") return Buffer.compare(a, b)
  const number = (key: Uint8Array) =>
    key.length === 8 ? new DataView(key.buffer, key.byteOffset, 8).getBigUint64(0, true) : -1n
  const [left, right] = [number(a), number(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
