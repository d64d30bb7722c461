import { type Commit, encodeBlock, type ReadBlock, readBlock } from "../../../core/chain/block.ts"
import { BLOCKS_KEPT } from "../../../base/network-limits.ts"
import { type Checkpoint, encodeLightBlock, type LightBlock, readLightBlock } from "../../../core/chain/light.ts"
import type { PartsAnswer, PartsWanted } from "../../../core/chain/message.ts"
import type { SnapshotHead } from "../../../core/chain/snapshot.ts"
import { encodeTip, genesisTip, readTip, type Tip } from "../../../core/chain/tip.ts"
import type { SignedDoubleVote, SignedProposal } from "../../../core/consensus/message.ts"
import type { Address, Height, ValueId } from "../../../core/consensus/terms.ts"
import type { Applied } from "../../../core/ledger/apply/apply.ts"
import type { Failure } from "../../../core/ledger/apply/context.ts"
import { damaged } from "../../../core/ledger/error.ts"
import { encodeGenesis, type Genesis } from "../../../core/ledger/genesis.ts"
import type { View } from "../../../core/ledger/state/state.ts"
import type { Amount, TransactionId } from "../../../core/ledger/terms.ts"
import type { Change, Key, Store } from "../../../ports/store.ts"
import { TABLE, type TableName } from "../../../schema/tables.ts"
import { Parts, placeChange } from "./parts.ts"

/** A block of the chain, with what proves that it was decided. */
export interface DecidedBlock {
  readonly block: ReadBlock
  readonly proposal: SignedProposal
  readonly commit: Commit
}

const STATE_TABLES = [TABLE.chainRecord, TABLE.chainPlace, TABLE.chainNode] as const
/** All of a chain but its tip. */
const TABLES = [
  ...STATE_TABLES,
  TABLE.chainGenesis,
  TABLE.chainBlock,
  TABLE.chainTransaction,
  TABLE.chainProposed,
  TABLE.chainEvidence,
] as const
const CLEARED_AT_ONCE = 1000
/** Keys of TABLE.chainTip. */
const TIP: Key = []
const BEFORE: Key = ["before"]
const FETCHING: Key = ["fetching"]

interface Row {
  readonly v: 1
  readonly bytes: Uint8Array
}

interface GenesisRow extends Row {
  readonly checkpoint: Checkpoint | null
}

interface BlockRow {
  readonly v: 1
  /** Null where the state after it was fetched, and it was not. */
  readonly bytes: Uint8Array | null
  readonly proposal: SignedProposal | null
  /** What proves the block: its header, its commit and who decided it. */
  readonly light: Uint8Array
}

interface EvidenceRow extends SignedDoubleVote {
  readonly v: 1
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
  readonly #kept: number
  readonly #byPlace: Parts

  /** @param kept how many of the newest blocks are */
  constructor(store: Store, kept = BLOCKS_KEPT) {
    this.#store = store
    this.#kept = kept
    this.#byPlace = new Parts(store)
  }

  /** @returns null where no chain was joined @throws LedgerError STATE_DAMAGED */
  tip(): Tip | null {
    return this.#tipAt(TIP)
  }

  /** Y1: where the chain stands, for who has not seen it; null before the second block. */
  head(): SnapshotHead | null {
    const tip = this.#tipAt(BEFORE)
    const before = tip && this.lightAt(tip.height)
    const last = tip && this.lightAt(tip.height + 1)
    if (tip === null || before === null || last === null) return null
    const lights = { before: readLightBlock(before)!, last: readLightBlock(last)! }
    return { ...lights, next: tip.next.queue, afterNext: tip.afterNext.queue, history: tip.history }
  }

  /** The state is being fetched: what is here of one is none until `restore`. @param trusted where trust in it begins */
  async beginFetching(trusted: LightBlock): Promise<void> {
    await this.#store.write([
      { put: TABLE.chainTip, key: FETCHING, value: { v: 1, bytes: encodeLightBlock(trusted) } satisfies Row },
    ])
    for (const table of STATE_TABLES) await this.#clear(table)
  }

  /** Where trust begins for a state that is being fetched; null where none is. */
  fetching(): LightBlock | null {
    const row = this.#store.get(TABLE.chainTip, FETCHING) as Row | undefined
    return row === undefined ? null : readLightBlock(row.bytes)
  }

  /** The state that was fetched is the chain's now. @param before the light block at the tip's height */
  async restore(tip: Tip, before: LightBlock): Promise<void> {
    for (const table of [TABLE.chainBlock, TABLE.chainTransaction, TABLE.chainProposed]) await this.#clear(table)
    const row: BlockRow = { v: 1, bytes: null, proposal: null, light: encodeLightBlock(before) }
    await this.#store.write([
      { put: TABLE.chainBlock, key: [tip.height], value: row },
      { put: TABLE.chainTip, key: TIP, value: { v: 1, bytes: encodeTip(tip) } satisfies Row },
      { remove: TABLE.chainTip, key: BEFORE },
      { remove: TABLE.chainTip, key: FETCHING },
    ])
  }

  /** The chain begins. @param document one without a fault, whose signatures are good */
  async begin(document: Genesis, checkpoint: Checkpoint | null = null): Promise<void> {
    const { tip, state } = genesisTip(document)
    for (const table of TABLES) await this.#clear(table)
    const genesis: GenesisRow = { v: 1, bytes: encodeGenesis(document), checkpoint }
    await this.#store.write([
      { put: TABLE.chainGenesis, key: [], value: genesis },
      ...this.#recordChanges(state.writes),
      ...changesOf(TABLE.chainNode, state.tree.nodes),
      { put: TABLE.chainTip, key: TIP, value: { v: 1, bytes: encodeTip(tip) } satisfies Row },
    ])
  }

  /** The document of the chain that was joined, encoded; null where none was. */
  genesis(): Uint8Array | null {
    return (this.#store.get(TABLE.chainGenesis, []) as Row | undefined)?.bytes ?? null
  }

  /** What was given with it: a block that its owner has seen. */
  checkpoint(): Checkpoint | null {
    return (this.#store.get(TABLE.chainGenesis, []) as GenesisRow | undefined)?.checkpoint ?? null
  }

  /** The chain is left: nothing of it is here any more. */
  async leave(): Promise<void> {
    // Without its tip it is left, whatever becomes of the rest: that goes with what is left of it then.
    await this.#store.write([TIP, BEFORE, FETCHING].map((key) => ({ remove: TABLE.chainTip, key })))
    for (const table of TABLES) await this.#clear(table)
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

  /** Y3: of the state as it is now. */
  parts(wanted: PartsWanted): PartsAnswer {
    return this.#byPlace.answer(this.#tipAt(TIP)!.appHash, wanted)
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

  /** Of each validator that said two things: the first that was seen. */
  evidence(): readonly SignedDoubleVote[] {
    return [...this.#store.range(TABLE.chainEvidence)].map(({ value }) => value as EvidenceRow)
  }

  async keepEvidence({ first, second }: SignedDoubleVote): Promise<void> {
    const row: EvidenceRow = { v: 1, first, second }
    await this.#store.write([{ put: TABLE.chainEvidence, key: [first.voter], value: row }])
  }

  async dropEvidence(of: Address): Promise<void> {
    await this.#store.write([{ remove: TABLE.chainEvidence, key: [of] }])
  }

  /** Resolves when the decided block and everything that it did is on the disk. */
  async keep(
    { block, proposal, commit }: DecidedBlock,
    applied: Applied & { readonly ok: true },
    before: Tip,
    tip: Tip,
  ): Promise<void> {
    const { height } = block.header
    const light = { header: block.header, commit, members: tip.last, nextMembers: tip.next.members }
    const row: BlockRow = { v: 1, bytes: encodeBlock(block), proposal, light: encodeLightBlock(light) }
    const proposed = [...this.#store.range(TABLE.chainProposed, { end: [height + 1] })]
    await this.#store.write(
      [
        ...this.#recordChanges(applied.records),
        ...changesOf(TABLE.chainNode, applied.nodes),
        { put: TABLE.chainBlock, key: [height], value: row },
        ...applied.receipts.map(({ id, fee, failure }): Change => {
          const receipt: ReceiptRow = { v: 1, height, fee: String(fee), failure }
          return { put: TABLE.chainTransaction, key: [id], value: receipt }
        }),
        { put: TABLE.chainTip, key: TIP, value: { v: 1, bytes: encodeTip(tip) } satisfies Row },
        { put: TABLE.chainTip, key: BEFORE, value: { v: 1, bytes: encodeTip(before) } satisfies Row },
        ...this.#pruned(height),
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
    if (row?.bytes == null || row.proposal === null) return null
    const block = readBlock(row.bytes)
    const light = readLightBlock(row.light)
    if (block === null || light === null) throw damaged(`block ${height} cannot be read`)
    return { block, proposal: row.proposal, commit: light.commit }
  }

  /** @returns the block without what is in it, as a light client reads it; null where it is not here */
  lightAt(height: Height): Uint8Array | null {
    return this.#row(height)?.light ?? null
  }

  async #clear(table: TableName): Promise<void> {
    for (;;) {
      const some = [...this.#store.range(table, { limit: CLEARED_AT_ONCE })]
      if (some.length === 0) return
      await this.#store.write(some.map(({ key }) => ({ remove: table, key })))
    }
  }

  #tipAt(key: Key): Tip | null {
    const row = this.#store.get(TABLE.chainTip, key) as Row | undefined
    if (row === undefined) return null
    const tip = readTip(row.bytes)
    if (tip === null) throw damaged("its tip cannot be read")
    return tip
  }

  #recordChanges(records: ReadonlyMap<string, Uint8Array | null>): readonly Change[] {
    const places = [...records].filter(([name, bytes]) => bytes === null || this.record(name) === null)
    return [
      ...changesOf(TABLE.chainRecord, records),
      ...places.map(([name, bytes]) => placeChange(name, bytes !== null)),
    ]
  }

  /** Y6: what goes when a block comes: the one that is too old, and its receipts. */
  #pruned(height: Height): readonly Change[] {
    const old = height - this.#kept
    const row = this.#row(old)
    if (row === undefined) return []
    const transactions = row.bytes === null ? [] : (readBlock(row.bytes)?.read ?? [])
    return [
      { remove: TABLE.chainBlock, key: [old] },
      ...transactions.map(({ id }): Change => ({ remove: TABLE.chainTransaction, key: [id] })),
    ]
  }

  /** What decided a block. @throws LedgerError STATE_DAMAGED where it is not here */
  commitAt(height: Height): Commit {
    const light = this.lightAt(height)
    const read = light && readLightBlock(light)
    if (read === null) throw damaged(`what decided block ${height} is not here`)
    return read.commit
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
