/*
 * A Core that is far behind fetches the state instead of all blocks. It begins with the whole state as one part, and with
 * sixteen of those that are too large for one. The state moves meanwhile: it asks again for what has changed, until
 * everything that it has is of one state and a header that is believed names that. Rules: docs/spec/chain.md#state-sync.
 */
import { fromHex, toHex } from "../../../base/bytes.ts"
import {
  STATE_PARTS_ALL_MAX,
  STATE_PARTS_MAX,
  STATE_SYNC_EVERY_MS,
  STATE_SYNC_TRIES_MAX,
} from "../../../base/network-limits.ts"
import { blockId } from "../../../core/chain/block.ts"
import type { LightBlock } from "../../../core/chain/light.ts"
import { headMessage, type PartsAnswer, partsMessage, partsWantedMessage } from "../../../core/chain/message.ts"
import { type SnapshotHead, tipOfSnapshot } from "../../../core/chain/snapshot.ts"
import type { Tip } from "../../../core/chain/tip.ts"
import type { Height } from "../../../core/consensus/terms.ts"
import { nextDue } from "../../../core/ledger/apply/due.ts"
import { State } from "../../../core/ledger/state/state.ts"
import type { Hash } from "../../../core/ledger/terms.ts"
import { isChunk, partHash } from "../../../core/ledger/tree/chunk.ts"
import type { Clock } from "../../../ports/clock.ts"
import type { Verifier } from "../../../ports/verifier.ts"
import type { Blocks } from "../chain/blocks.ts"
import type { Parts } from "../chain/parts.ts"
import { LightClient } from "../light/light.ts"
import { peerSource } from "../light/source.ts"
import { pause } from "../pause.ts"
import type { Shell } from "./shell.ts"

export interface StateSyncParts {
  readonly blocks: Blocks
  readonly parts: Parts
  readonly verifier: Verifier
  readonly clock: Clock
  readonly shell: Shell
  readonly trustingMs: number
  readonly signal: AbortSignal
  /** What is here is to go, for a state at least this high that is believed. @returns whether it may */
  leave(height: Height): Promise<boolean>
}

export type Fetched =
  | { readonly ok: true; readonly tip: Tip }
  /** STATE_MOVES: it changed faster than it was given. Others: docs/spec/chain.md#light-client; the peer was blamed. */
  | { readonly ok: false; readonly code: string }

type Held = Map<string, Hash>
type Told = { readonly ok: true; readonly root: Hash | null } | { readonly ok: false; readonly code: string }

const DIGITS = Array.from({ length: 16 }, (_, digit) => digit.toString(16))
const failed = (code: string) => ({ ok: false, code }) as const

/** @param trusted where trust begins @returns where the chain stands, once all of it is on the disk */
export async function fetchState(peer: string, trusted: LightBlock, of: StateSyncParts): Promise<Fetched> {
  const { blocks, clock, signal } = of
  const light = new LightClient(
    { verifier: of.verifier, trustingMs: of.trustingMs, now: () => clock.now(), trusted: async () => undefined },
    trusted,
  )
  // What is here goes only for a peer that is on this chain, and ahead.
  const ahead = await believe(peer, await askHead(peer, of), light, of)
  if (!ahead.ok) return ahead
  if (!(await of.leave(light.head.header.height))) return failed("NOT_AHEAD")
  await blocks.beginFetching(trusted)
  const held: Held = new Map()
  let wanted: readonly string[] = [""]
  for (let turn = 0; turn < STATE_SYNC_TRIES_MAX && !signal.aborted; turn++) {
    const told = await askParts(peer, wanted, held, of)
    if (!told.ok) return told
    wanted = [...held.keys()]
    if (told.root !== null) {
      const head = await askHead(peer, of)
      if (head === null) return failed("SOURCE_SILENT")
      if (head.last.header.appHash === told.root) return restore(peer, head, light, held, of)
    }
    await pause(clock, STATE_SYNC_EVERY_MS, signal)
  }
  return failed("STATE_MOVES")
}

/** One pass over all parts. @returns the root that all of them are of; null where it is not one, or some are missing */
async function askParts(peer: string, first: readonly string[], held: Held, of: StateSyncParts): Promise<Told> {
  const roots = new Set<Hash>()
  for (let wanted = first; wanted.length > 0; ) {
    const asked = wanted.slice(0, STATE_PARTS_MAX)
    const request = asked.map((digits) => ({ digits, held: held.get(digits) ?? null }))
    const bytes = await of.shell.ask(peer, "parts", partsWantedMessage.encode(request))
    if (bytes === null || bytes.length === 0) return failed("SOURCE_SILENT")
    const answer = partsMessage.read(bytes)
    if (answer === null || !isAnswer(answer, asked, held)) return blamed(peer, of, "PROOF_INVALID")
    roots.add(answer.root)
    for (const { digits, records } of answer.parts) {
      await of.parts.replace(digits, records)
      held.set(digits, toHex(partHash(digits, records)) as Hash)
    }
    for (const digits of answer.tooLarge) held.delete(digits)
    const split = answer.tooLarge.flatMap((digits) => DIGITS.map((digit) => digits + digit))
    wanted = [...answer.later, ...split, ...wanted.slice(asked.length)]
    if (held.size + wanted.length > STATE_PARTS_ALL_MAX) return blamed(peer, of, "PARTS_TOO_MANY")
  }
  const [root] = roots
  return { ok: true, root: roots.size === 1 && root !== undefined ? root : null }
}

/** Each part that was asked for has changed, is too large or comes later, or is held as it is; something comes at all. */
function isAnswer({ root, parts, tooLarge, later }: PartsAnswer, asked: readonly string[], held: Held): boolean {
  const said = [...parts.map(({ digits }) => digits), ...tooLarge, ...later]
  const named = new Set(asked)
  const answered = new Set(said)
  return (
    said.length === answered.size &&
    said.every((digits) => named.has(digits)) &&
    asked.every((digits) => answered.has(digits) || held.has(digits)) &&
    later.length < asked.length &&
    parts.every((part) => isChunk(fromHex(root)!, part))
  )
}

async function askHead(peer: string, { shell }: StateSyncParts): Promise<SnapshotHead | null> {
  const answer = await shell.ask(peer, "head", new Uint8Array())
  return answer === null ? null : headMessage.read(answer)
}

/** Y2: its last header is one of this chain, and no other peer says differently. */
async function believe(
  peer: string,
  head: SnapshotHead | null,
  light: LightClient,
  of: StateSyncParts,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly code: string }> {
  if (head === null) return failed("SOURCE_SILENT")
  if (blockId(head.last.header) === blockId(light.head.header)) return { ok: true }
  const { shell } = of
  const others = shell.peers().filter((one) => one !== peer)
  const witnesses = others.map((one) => peerSource(shell, one))
  const trusted = await light.trust(head.last, peerSource(shell, peer), witnesses)
  if (trusted.ok) return trusted
  // Trust that is too old is nobody's fault, and which of two has lied is not known.
  const isItsFault = !["SOURCE_SILENT", "TRUST_EXPIRED", "WITNESS_DIFFERS"].includes(trusted.code)
  return isItsFault ? blamed(peer, of, trusted.code) : failed(trusted.code)
}

/** Y4 */
async function restore(
  peer: string,
  head: SnapshotHead,
  light: LightClient,
  held: Held,
  of: StateSyncParts,
): Promise<Fetched> {
  const { blocks, parts } = of
  const believed = await believe(peer, head, light, of)
  if (!believed.ok) return believed
  const root = await parts.plant(held.keys())
  const tip = toHex(root) === head.last.header.appHash ? tipOfSnapshot(head, nextDue(State.over(blocks))) : null
  if (tip === null) return blamed(peer, of, "PROOF_INVALID")
  await blocks.restore(tip, head.before)
  return { ok: true, tip }
}

function blamed(peer: string, { shell }: StateSyncParts, code: string): Fetched & { readonly ok: false } {
  shell.blame(peer, `the state that it gives is not the chain's: ${code}`)
  return failed(code)
}
