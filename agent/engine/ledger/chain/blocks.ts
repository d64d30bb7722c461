import { type Commit, encodeBlock, type ReadBlock, readBlock } from "../../../core/chain/block.ts"
import { encodeLightBlock, readLightBlock } from "../../../core/chain/light.ts"
import { encodeTip, genesisTip, readTip, type Tip } from "../../../core/chain/tip.ts"
import type { SignedProposal } from "../../../core/consensus/message.ts"
import type { Height, ValueId } from "../../../core/consensus/terms.ts"
import type { Applied } from "../../../core/ledger/apply/apply.ts"
import type { Failure } from "../../../core/ledger/apply/context.ts"
import { damaged } from "../../../core/ledger/error.ts"
import { encodeGenesis, type Genesis } from "../../../core/ledger/genesis.ts"
import type { View } from "../../../core/ledger/state/state.ts"
import type { Amount, TransactionId } from "../../../core/ledger/terms.ts"
import type { Change, Store } from "../../../ports/store.ts"
import { TABLE, type TableName } from "../../../schema/tables.ts"

/** A block of the chain, with what proves that it was decided. */
export interface DecidedBlock {
  readonly block: ReadBlock
  readonly proposal: SignedProposal
  readonly commit: Commit
}

/** All of a chain but its tip. */
const TABLES = [
  TABLE.chainGenesis,
  TABLE.chainRecord,
  TABLE.chainNode,
  TABLE.chainBlock,
  TABLE.chainTransaction,
  TABLE.chainProposed,
] as const
const CLEARED_AT_ONCE = 1000

interface Row {
  readonly v: 1
  readonly bytes: Uint8Array
}

interface BlockRow extends Row {
  readonly proposal: SignedProposal
  /** What proves the block: its header, its commit and who decided it. */
  readonly light: Uint8Array
}

/** What became of a transaction. */
export interface KeptReceipt {
  readonly height: Height
  readonly fee: Amount
  /** Null where it did what it asks for. */
  readonly failure: Failure | null
}

interface ReceiptRow {
  readonly v: 1
  readonly height: number
  /** Digits. */
  readonly fee: string
  readonly failure: Failure | null
}

/** The chain on the disk: its state, its tree, its blocks and its tip, each block's part of them in one write. */
export class Blocks implements View {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** @returns null where no chain was joined @throws LedgerError STATE_DAMAGED */
  tip(): Tip | null {
    const row = this.#store.get(TABLE.chainTip, []) as Row | undefined
    if (row === undefined) return null
    const tip = readTip(row.bytes)
    if (tip === null) throw damaged("its tip cannot be read")
    return tip
  }

  /** The chain begins. @param document one without a fault, whose signatures are good */
  async begin(document: Genesis): Promise<void> {
    const { tip, state } = genesisTip(document)
    await this.#clear()
    const genesis: Row = { v: 1, bytes: encodeGenesis(document) }
    await this.#store.write([
      { put: TABLE.chainGenesis, key: [], value: genesis },
      ...changesOf(TABLE.chainRecord, state.writes),
      ...changesOf(TABLE.chainNode, state.tree.nodes),
      { put: TABLE.chainTip, key: [], value: { v: 1, bytes: encodeTip(tip) } satisfies Row },
    ])
  }

  /** The document of the chain that was joined, encoded; null where none was. */
  genesis(): Uint8Array | null {
    return (this.#store.get(TABLE.chainGenesis, []) as Row | undefined)?.bytes ?? null
  }

  /** The chain is left: nothing of it is here any more. */
  async leave(): Promise<void> {
    // Without its tip it is left, whatever becomes of the rest: that goes with what is left of it then.
    await this.#store.write([{ remove: TABLE.chainTip, key: [] }])
    await this.#clear()
  }

  record(name: string): Uint8Array | null {
    return this.#bytes(TABLE.chainRecord, name)
  }

  node(path: string): Uint8Array | null {
    return this.#bytes(TABLE.chainNode, path)
  }

  next(prefix: string, after: string): string | null {
    for (const { key } of this.#store.range(TABLE.chainRecord, { start: [after], limit: 2 })) {
      const name = String(key[0])
      if (name === after) continue
      return name.startsWith(prefix) ? name : null
    }
    return null
  }

  /** Resolves when the content of a proposal is on the disk: before that nobody hears of it. */
  async keepProposed(block: ReadBlock): Promise<void> {
    const key = [block.header.height, block.id]
    await this.#store.write([
      { put: TABLE.chainProposed, key, value: { v: 1, bytes: encodeBlock(block) } satisfies Row },
    ])
  }

  proposed(height: Height, id: ValueId): ReadBlock | null {
    const row = this.#store.get(TABLE.chainProposed, [height, id]) as Row | undefined
    return row === undefined ? null : readBlock(row.bytes)
  }

  /** Resolves when the decided block and everything that it did is on the disk. */
  async keep(
    { block, proposal, commit }: DecidedBlock,
    applied: Applied & { readonly ok: true },
    tip: Tip,
  ): Promise<void> {
    const { height } = block.header
    const light = { header: block.header, commit, members: tip.last, nextMembers: tip.next.members }
    const row: BlockRow = { v: 1, bytes: encodeBlock(block), proposal, light: encodeLightBlock(light) }
    const proposed = [...this.#store.range(TABLE.chainProposed, { end: [height + 1] })]
    await this.#store.write(
      [
        ...changesOf(TABLE.chainRecord, applied.records),
        ...changesOf(TABLE.chainNode, applied.nodes),
        { put: TABLE.chainBlock, key: [height], value: row },
        ...applied.receipts.map(({ id, fee, failure }): Change => {
          const receipt: ReceiptRow = { v: 1, height, fee: String(fee), failure }
          return { put: TABLE.chainTransaction, key: [id], value: receipt }
        }),
        { put: TABLE.chainTip, key: [], value: { v: 1, bytes: encodeTip(tip) } satisfies Row },
        ...proposed.map(({ key }): Change => ({ remove: TABLE.chainProposed, key })),
      ],
      { reserve: true },
    )
  }

  /** @returns null where no block that is kept here has it */
  transaction(id: TransactionId): KeptReceipt | null {
    const row = this.#store.get(TABLE.chainTransaction, [id]) as ReceiptRow | undefined
    return row === undefined ? null : { height: row.height, fee: BigInt(row.fee), failure: row.failure }
  }

  /** @returns null where it is not here @throws LedgerError STATE_DAMAGED */
  at(height: Height): DecidedBlock | null {
    const row = this.#row(height)
    if (row === undefined) return null
    const block = readBlock(row.bytes)
    const light = readLightBlock(row.light)
    if (block === null || light === null) throw damaged(`block ${height} cannot be read`)
    return { block, proposal: row.proposal, commit: light.commit }
  }

  /** @returns the block without what is in it, as a light client reads it; null where it is not here */
  lightAt(height: Height): Uint8Array | null {
    return this.#row(height)?.light ?? null
  }

  async #clear(): Promise<void> {
    for (const table of TABLES) {
      for (;;) {
        const some = [...this.#store.range(table, { limit: CLEARED_AT_ONCE })]
        if (some.length === 0) break
        await this.#store.write(some.map(({ key }) => ({ remove: table, key })))
      }
    }
  }

  #row(height: Height): BlockRow | undefined {
    return this.#store.get(TABLE.chainBlock, [height]) as BlockRow | undefined
  }

  #bytes(table: TableName, name: string): Uint8Array | null {
    return (this.#store.get(table, [name]) as Row | undefined)?.bytes ?? null
  }
}

function changesOf(table: TableName, changes: ReadonlyMap<string, Uint8Array | null>): readonly Change[] {
  return [...changes].map(([name, bytes]) =>
    bytes === null ? { remove: table, key: [name] } : { put: table, key: [name], value: { v: 1, bytes } satisfies Row },
  )
}
