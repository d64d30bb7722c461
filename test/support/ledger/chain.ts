import { createHash } from "node:crypto"
import type { Address } from "../../../agent/base/address.ts"
import { addressOf } from "../../../agent/base/address.ts"
import { fromHex } from "../../../agent/base/bytes.ts"
import { type Applied, applyBlock, type Block } from "../../../agent/core/ledger/apply/apply.ts"
import { chainIdOf, type Genesis, genesisFault, genesisState } from "../../../agent/core/ledger/genesis.ts"
import { decode } from "../../../agent/core/ledger/layout.ts"
import { accountAt, type Parameters, type Place } from "../../../agent/core/ledger/state/records.ts"
import type { View } from "../../../agent/core/ledger/state/state.ts"
import type { ChainId, Hash, PublicKey, Signature } from "../../../agent/core/ledger/terms.ts"
import type { Body } from "../../../agent/core/ledger/transaction/body.ts"
import { touchesOf } from "../../../agent/core/ledger/transaction/touches.ts"
import {
  encodeTransaction,
  type ReadTransaction,
  readTransaction,
  type Transaction,
} from "../../../agent/core/ledger/transaction/transaction.ts"

export const hashOf = (name: string) => createHash("sha256").update(name).digest("hex") as Hash
/** Whoever is called so: a key that nobody signs with here, because applying verifies nothing. */
export const keyOf = (name: string) => hashOf(`key of ${name}`) as string as PublicKey
export const addressFor = (name: string): Address => addressOf(fromHex(keyOf(name))!)
const SIGNATURE = "00".repeat(64) as Signature

export const HOUR = 3_600_000
export const PARAMETERS: Parameters = {
  isEnrolled: false,
  feeBase: 10n,
  feePerByte: 0n,
  committee: 3,
  stakeMin: 100n,
  churn: 1_000,
  epochMs: HOUR,
  unbondingMs: 10 * HOUR,
  evidenceMs: 10 * HOUR,
  trustingMs: 5 * HOUR,
  downtimeMs: 2 * HOUR,
  jailMs: 3 * HOUR,
  slash: 500,
  reportShare: 500,
  deposit: 50n,
  marketBond: 30n,
  announcementMs: 4 * HOUR,
  rateMs: 0,
  rateBurst: 0,
  recordsMax: 20,
}

export function genesisOf(
  parameters: Partial<Parameters>,
  accounts: Readonly<Record<string, bigint>>,
  validators: Readonly<Record<string, bigint>>,
  members: readonly string[] = [],
): Genesis {
  return {
    version: 1,
    name: "test",
    time: 0,
    parameters: { ...PARAMETERS, ...parameters },
    accounts: Object.entries(accounts).map(([name, balance]) => ({ address: addressFor(name), balance })),
    validators: Object.entries(validators).map(([name, stake]) => ({
      account: addressFor(name),
      key: keyOf(`consensus ${name}`),
      proof: SIGNATURE,
      stake,
    })),
    members: members.map(addressFor),
    parent: null,
  }
}

/** A chain of which every block is kept at once, in memory. */
export class Chain implements View {
  readonly id: ChainId
  readonly records = new Map<string, Uint8Array>()
  readonly nodes = new Map<string, Uint8Array>()
  readonly genesis: Genesis
  appHash: Uint8Array
  height = 0
  time = 0
  nextDue: number

  constructor(genesis: Genesis) {
    const fault = genesisFault(genesis)
    if (fault !== null) throw new Error(fault)
    this.genesis = genesis
    this.id = chainIdOf(genesis)
    this.nextDue = genesis.time + genesis.parameters.epochMs
    const { writes, tree } = genesisState(genesis)
    this.#keep(this.records, writes)
    this.#keep(this.nodes, tree.nodes)
    this.appHash = tree.root
  }

  record = (name: string) => this.records.get(name) ?? null
  node = (path: string) => this.nodes.get(path) ?? null
  next(prefix: string, after: string): string | null {
    let found: string | null = null
    for (const name of this.records.keys()) {
      if (name.startsWith(prefix) && name > after && (found === null || name < found)) found = name
    }
    return found
  }

  get<Value>(place: Place<Value>): Value | null {
    const bytes = this.record(place.name)
    return bytes && decode(place.layout, bytes)
  }

  balance(name: string): bigint {
    return this.get(accountAt(addressFor(name)))?.balance ?? 0n
  }

  /** A transaction with everything as it should be, but for what is given. */
  transaction(from: string, body: Body, change: Partial<Transaction["unsigned"]> = {}): ReadTransaction {
    const nonce = change.nonce ?? this.get(accountAt(addressFor(from)))?.nonce ?? 0
    const unsigned = {
      version: 1,
      chain: this.id,
      from: keyOf(from),
      nonce,
      feeLimit: 1_000n,
      payer: null,
      validUntil: Number.MAX_SAFE_INTEGER,
      touches: touchesOf(body, addressFor(from), nonce),
      body,
      ...change,
    }
    const payerSignature = unsigned.payer === null ? null : SIGNATURE
    return readTransaction(encodeTransaction({ unsigned, signature: SIGNATURE, payerSignature }))!
  }

  /** A block that is applied and not kept. */
  try(transactions: readonly ReadTransaction[], time = this.time, absent: readonly string[] = []): Applied {
    const [chain, height] = [this.id, this.height + 1]
    return applyBlock(this, { chain, height, time, transactions, absent: absent.map(addressFor) })
  }

  block(transactions: readonly ReadTransaction[], time = this.time, absent: readonly string[] = []) {
    return this.#take(this.try(transactions, time, absent), time)
  }

  /** One that others made. */
  follow(block: Block) {
    return this.#take(applyBlock(this, block), block.time)
  }

  /** One transaction in a block of its own. @returns why it failed, or null */
  send(from: string, body: Body, change: Partial<Transaction["unsigned"]> = {}): string | null {
    return this.block([this.transaction(from, body, change)]).receipts[0]!.failure
  }

  /** Blocks whenever something is due, until then. */
  waitUntil(time: number): void {
    while (this.nextDue <= time) this.block([], Math.max(this.time, this.nextDue))
    this.time = Math.max(this.time, time)
  }

  #take(applied: Applied, time: number) {
    if (!applied.ok) throw new Error(`transaction ${applied.at} cannot be in the block: ${applied.code}`)
    this.#keep(this.records, applied.records)
    this.#keep(this.nodes, applied.nodes)
    this.height++
    this.time = time
    this.appHash = applied.appHash
    this.nextDue = applied.nextDue
    return applied
  }

  #keep(kept: Map<string, Uint8Array>, changes: ReadonlyMap<string, Uint8Array | null>): void {
    for (const [name, bytes] of changes) {
      if (bytes === null) kept.delete(name)
      else kept.set(name, bytes)
    }
  }
}
