/*
 * A chain without its blocks: headers, each proven by the committee that decided it, from one that is trusted. Rules:
 * docs/spec/chain.md#light-client.
 */
import { LIGHT_CLOCK_DRIFT_MS } from "../../base/network-limits.ts"
import type { ValueId } from "../consensus/terms.ts"
import { isHonest } from "../consensus/validators.ts"
import { decode, encode, record, type ValueOf } from "../ledger/layout.ts"
import { type CommitteeMember, committeeMembers } from "../ledger/state/records.ts"
import type { Hash, TimeMs } from "../ledger/terms.ts"
import type { Signed } from "../ledger/transaction/signatures.ts"
import { blockId, commit, header } from "./block.ts"
import { isCommitOf, signaturesOfCommit } from "./commit.ts"
import { committeeHash, type Tip } from "./tip.ts"

const EMPTY = "0".repeat(64)

/** L1: a header, what decided it, and who decides at its height and at the next. */
export const lightBlock = record({ header, commit, members: committeeMembers, nextMembers: committeeMembers })
export type LightBlock = ValueOf<typeof lightBlock>

export function encodeLightBlock(value: LightBlock): Uint8Array {
  return encode(lightBlock, value)
}

/** Total: any bytes. */
export function readLightBlock(bytes: Uint8Array): LightBlock | null {
  return decode(lightBlock, bytes)
}

/** Why a header is not believed: docs/spec/chain.md#light-client. */
export type LightFault =
  | "OTHER_CHAIN"
  | "NOT_LATER"
  | "TRUST_EXPIRED"
  | "FROM_THE_FUTURE"
  | "COMMITTEE_WRONG"
  | "COMMIT_INVALID"
  /** Too much has changed since the trusted one: one in between is to be asked for. */
  | "TOO_FAR"

/**
 * Whether a header follows from a trusted one, but for the signatures of its commit: `signaturesOfLight`.
 * @param now header time as far as this Core knows it: never before that of a header that it trusts
 */
export function lightFault(trusted: LightBlock, next: LightBlock, now: TimeMs, trustingMs: number): LightFault | null {
  const [from, to] = [trusted.header, next.header]
  if (to.chain !== from.chain) return "OTHER_CHAIN"
  if (to.height <= from.height || to.time <= from.time) return "NOT_LATER"
  if (from.time + trustingMs <= now) return "TRUST_EXPIRED"
  if (to.time > now + LIGHT_CLOCK_DRIFT_MS) return "FROM_THE_FUTURE"
  if (committeeHash(next.members) !== to.deciders || committeeHash(next.nextMembers) !== to.nextDeciders)
    return "COMMITTEE_WRONG"
  if (!isCommitOf(next.commit, next.members)) return "COMMIT_INVALID"
  if (to.height === from.height + 1) return to.deciders === from.nextDeciders ? null : "COMMITTEE_WRONG"
  return isKnownEnough(trusted.nextMembers, next) ? null : "TOO_FAR"
}

/** Where trust begins for who has the genesis document alone: it names who decides the first block. */
export function genesisLight({ chain, time, appHash, next }: Tip): LightBlock {
  const deciders = committeeHash(next.members)
  const none = EMPTY as Hash
  return {
    header: {
      ...{
        version: 1,
        chain,
        height: 0,
        time,
        parent: null,
        commit: null,
        transactions: none,
        appHash,
        receipts: none,
      },
      ...{ deciders, nextDeciders: deciders, turns: none, history: none, seed: none, preimage: null },
      proposer: next.queue.proposer,
    },
    commit: { round: 0, votes: [] },
    members: next.members,
    nextMembers: next.members,
  }
}

/** A block that an owner has seen: by which others join. */
export interface Checkpoint {
  readonly height: number
  readonly id: Hash
}

/** Whether it is the block that was seen, with who decides then: trust may begin there. */
export function isCheckpoint({ header: of, members, nextMembers }: LightBlock, { height, id }: Checkpoint): boolean {
  return (
    of.height === height &&
    blockId(of) === (id as string) &&
    committeeHash(members) === of.deciders &&
    committeeHash(nextMembers) === of.nextDeciders
  )
}

/** What of it must be verified. */
export function signaturesOfLight({ header: of, commit: by, members }: LightBlock): readonly Signed[] {
  return signaturesOfCommit(of.chain, by, members, of.height, blockId(of) as ValueId)
}

/**
 * L3: more than a third of the power that was trusted voted for it, with the keys that were trusted. So while less than a
 * third of it is faulty, one who is correct did.
 */
function isKnownEnough(trusted: readonly CommitteeMember[], { commit: by, members }: LightBlock): boolean {
  const voted = new Set(members.filter((_, place) => by.votes[place] != null).map(({ key }) => key))
  const power = (of: readonly CommitteeMember[]) => of.reduce((sum, member) => sum + member.power, 0n)
  return isHonest(power(trusted.filter(({ key }) => voted.has(key))), power(trusted))
}
