import { toHex } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { SNAPSHOT_CHUNK_BYTES_MAX, STATE_ANSWER_BYTES } from "../../../base/network-limits.ts"
import type { PartsAnswer, PartsWanted } from "../../../core/chain/message.ts"
import type { Hash } from "../../../core/ledger/terms.ts"
import { type Chunk, chunkOf, encodeChunk, keptPartHash } from "../../../core/ledger/tree/chunk.ts"
import { placeOf } from "../../../core/ledger/tree/proof.ts"
import { type Nodes, type TreeUpdate, updateTree } from "../../../core/ledger/tree/update.ts"
import type { Change, Store } from "../../../ports/store.ts"
import { TABLE } from "../../../schema/tables.ts"

type Records = Chunk["records"]

interface Row {
  readonly v: 1
  readonly bytes: Uint8Array
}

interface PlaceRow {
  readonly v: 1
  readonly name: string
}

/** Sorts after every hex digit. */
const AFTER_DIGITS = "g"
/** What a record takes beside its name and its bytes, at most. */
const FRAME_BYTES = 16
/** Of the records of a part: the way to them has room beside. */
const PART_BYTES_MAX = SNAPSHOT_CHUNK_BYTES_MAX / 2

/** @param name of a record that comes or goes @returns what keeps it found by its place (T1) */
export function placeChange(name: string, isThere: boolean): Change {
  const key = [toHex(placeOf(name))]
  return isThere
    ? { put: TABLE.chainPlace, key, value: { v: 1, name } satisfies PlaceRow }
    : { remove: TABLE.chainPlace, key }
}

/** The state on the disk by the places of its records, as it is given to others and taken from them (T7). */
export class Parts {
  readonly #store: Store

  readonly #node: Nodes

  constructor(store: Store) {
    this.#store = store
    this.#node = (path) => (store.get(TABLE.chainNode, [path]) as Row | undefined)?.bytes ?? null
  }

  /** Of the state as it is now. @param root its app hash */
  answer(root: Hash, wanted: PartsWanted): PartsAnswer {
    const parts: Chunk[] = []
    const [tooLarge, later]: [string[], string[]] = [[], []]
    let room = STATE_ANSWER_BYTES
    for (const { digits, held } of wanted) {
      if (held === toHex(keptPartHash(this.#node, digits))) continue
      const records = room < PART_BYTES_MAX ? null : this.#records(digits, PART_BYTES_MAX)
      if (room < PART_BYTES_MAX) later.push(digits)
      else if (records === null) tooLarge.push(digits)
      else {
        const part = chunkOf(this.#node, digits, records)
        room -= encodeChunk(part).length
        parts.push(part)
      }
    }
    return { root, parts, tooLarge, later }
  }

  /** @returns all records whose places begin so; null where they are more bytes than that */
  #records(digits: string, bytesMax: number): Records | null {
    const records: { name: string; value: Uint8Array }[] = []
    let bytes = 0
    for (const name of this.#names(digits)) {
      const value = this.#value(name)
      bytes += name.length + value.length + FRAME_BYTES
      if (bytes > bytesMax) return null
      records.push({ name, value })
    }
    return records
  }

  /** The records at the places that begin so are these, and no others. */
  async replace(digits: string, records: Records): Promise<void> {
    const gone = new Set(this.#names(digits))
    for (const { name } of records) gone.delete(name)
    await this.#store.write([
      ...[...gone].flatMap((name): Change[] => [{ remove: TABLE.chainRecord, key: [name] }, placeChange(name, false)]),
      ...records.flatMap(({ name, value }): Change[] => [
        { put: TABLE.chainRecord, key: [name], value: { v: 1, bytes: value } },
        placeChange(name, true),
      ]),
    ])
  }

  /** Writes the tree of all records, a part after the other. @returns its root */
  async plant(digits: Iterable<string>): Promise<Uint8Array> {
    let root = updateTree(() => null, new Map()).root
    for (const some of digits) {
      const update = this.#treeWith(some)
      root = update.root
      const nodes = [...update.nodes]
      await this.#store.write(
        nodes.map(([path, bytes]): Change => {
          return bytes === null
            ? { remove: TABLE.chainNode, key: [path] }
            : { put: TABLE.chainNode, key: [path], value: { v: 1, bytes } }
        }),
      )
    }
    return root
  }

  #treeWith(digits: string): TreeUpdate {
    const leaves = new Map<string, Uint8Array>()
    for (const name of this.#names(digits)) leaves.set(toHex(placeOf(name)), sha256(this.#value(name)))
    return updateTree(this.#node, leaves)
  }

  *#names(digits: string): Generator<string> {
    const range = { start: [digits], end: [`${digits}${AFTER_DIGITS}`] }
    for (const { value } of this.#store.range(TABLE.chainPlace, range)) yield (value as PlaceRow).name
  }

  #value(name: string): Uint8Array {
    return (this.#store.get(TABLE.chainRecord, [name]) as Row).bytes
  }
}
