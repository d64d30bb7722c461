/*
 * Where a chain stands after its last block: all that the next one rests on beside the state. docs/spec/chain.md#tip
 */
import { type Address, ADDRESS_BYTES } from "../../base/address.ts"
import { concatBytes, fromHex, toHex } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import { VALIDATORS_MAX } from "../../base/network-limits.ts"
import { genesisValidators, nextValidators } from "../consensus/rotation.ts"
import type { Applied, Receipt } from "../ledger/apply/apply.ts"
import { consensusAddress, type ValidatorUpdate } from "../ledger/apply/committee.ts"
import { chainIdOf, type Genesis, genesisState } from "../ledger/genesis.ts"
import {
  amount,
  big,
  decode,
  encode,
  fixed,
  flag,
  type Layout,
  list,
  optional,
  record,
  text,
  type ValueOf,
  whole,
} from "../ledger/layout.ts"
import { committeeAt, type CommitteeMember, committeeMembers } from "../ledger/state/records.ts"
import type { ChainId, Hash } from "../ledger/terms.ts"
import type { ReadBlock } from "./block.ts"
import { mountains, rootOfList, withLeaf } from "./mountains.ts"

const hash = fixed<Hash>(32)
const FAILURE_BYTES_MAX = 32

const sign = record({ isNegative: flag, size: big(2n ** 128n) })
/** Priorities are below zero too; 0 is written in one way. */
const priority: Layout<bigint> = {
  write: (value) => sign.write({ isNegative: value < 0n, size: value < 0n ? -value : value }),
  read: (item) => {
    const read = sign.read(item)
    if (read === undefined || (read.isNegative && read.size === 0n)) return undefined
    return read.isNegative ? -read.size : read.size
  },
  items: sign.items,
}

const address = fixed<Address>(ADDRESS_BYTES)
export const queue = record({
  validators: list(record({ address, power: amount, priority }), VALIDATORS_MAX),
  total: amount,
  proposer: address,
})
/** Who decides a height: with whose keys, and in which turn they propose. */
const deciders = record({ members: committeeMembers, queue })

const tip = record({
  chain: fixed<ChainId>(32),
  /** 0 before the first block. */
  height: whole(),
  time: whole(),
  id: optional(hash),
  appHash: hash,
  receipts: hash,
  /** Who decided that block, and who decides the two after it. */
  last: committeeMembers,
  next: deciders,
  afterNext: deciders,
  history: mountains,
  seed: hash,
  /** When something falls due though nobody asks for anything. */
  nextDue: whole(),
  /** The block did something: another one must say to which state that led. */
  isBusy: flag,
})

export type Tip = ValueOf<typeof tip>
export type Deciders = ValueOf<typeof deciders>

const receipt = record({ id: fixed<Receipt["id"]>(32), fee: amount, failure: optional(text(FAILURE_BYTES_MAX)) })

export function encodeTip(value: Tip): Uint8Array {
  return encode(tip, value)
}

export function readTip(bytes: Uint8Array): Tip | null {
  return decode(tip, bytes)
}

/** @param document one without a fault @returns where its chain stands, and the state there */
export function genesisTip(document: Genesis): { readonly tip: Tip; readonly state: ReturnType<typeof genesisState> } {
  const chain = chainIdOf(document)
  const state = genesisState(document)
  const first = committeeAt(0)
  const { members } = decode(first.layout, state.writes.get(first.name)!)!
  const queue = genesisValidators(members.map(({ key, power }) => ({ address: consensusAddress(key), power })))
  const tip: Tip = {
    chain,
    height: 0,
    time: document.time,
    id: null,
    appHash: toHex(state.tree.root) as Hash,
    receipts: rootOfList([]),
    last: [],
    next: { members, queue },
    afterNext: { members, queue: nextValidators(queue, []) },
    history: [],
    seed: chain as string as Hash,
    nextDue: document.time + document.parameters.epochMs,
    isBusy: false,
  }
  return { tip, state }
}

/** @param block a valid one, at the height after the tip @param applied what it did to the state */
export function tipAfter(before: Tip, block: ReadBlock, applied: Applied & { readonly ok: true }): Tip {
  const { header, id } = block
  const appHash = toHex(applied.appHash) as Hash
  return {
    chain: before.chain,
    height: header.height,
    time: header.time,
    id: id as string as Hash,
    appHash,
    receipts: rootOfList(applied.receipts.map((one) => encode(receipt, one))),
    last: before.next.members,
    next: before.afterNext,
    afterNext: following(before.afterNext, applied.committee, applied.validatorUpdates),
    history: withLeaf(before.history, fromHex(id)!),
    seed: header.seed,
    nextDue: applied.nextDue,
    isBusy: block.transactions.length > 0 || appHash !== before.appHash,
  }
}

/** What a header says of who decides; in which turn is said apart, as only who decides needs it. */
export function committeeHash(members: readonly CommitteeMember[]): Hash {
  return toHex(sha256(encode(committeeMembers, members))) as Hash
}

/** The queues of the next height and of the one after it. */
export function turnsHash({ next, afterNext }: Tip): Hash {
  return toHex(sha256(encode(queue, next.queue), encode(queue, afterNext.queue))) as Hash
}

/** K6, where no proposer has a chain of hashes: no one chooses it, everyone can foresee it. */
export function nextSeed({ seed, height }: Tip): Hash {
  const number = new DataView(new ArrayBuffer(8))
  number.setBigUint64(0, BigInt(height + 1))
  return toHex(sha256(concatBytes(fromHex(seed)!, new Uint8Array(number.buffer)))) as Hash
}

function following(
  { queue }: Deciders,
  members: readonly CommitteeMember[],
  updates: readonly ValidatorUpdate[],
): Deciders {
  const changes = updates.map(({ key, power }) => ({ address: consensusAddress(key), power }))
  return { members, queue: nextValidators(queue, changes) }
}
