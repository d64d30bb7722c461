import { committeeHash } from "../../../agent/core/chain/tip.ts"
import type { LightBlock } from "../../../agent/core/chain/light.ts"
import type { SnapshotHead } from "../../../agent/core/chain/snapshot.ts"
import type { PublicKey, Signature } from "../../../agent/core/ledger/terms.ts"
import { accountAddress, realKey } from "./signed.ts"

const LIAR = "mallory"

/**
 * A header as a liar would make it, later than another one: decided by nobody but itself, so that whoever looks at it has to
 * ask for one in between.
 */
export function falseLight(after: LightBlock, height: number): LightBlock {
  const key = realKey(LIAR).publicKey as PublicKey
  const members = [{ account: accountAddress(LIAR), key, power: 1n }]
  const deciders = committeeHash(members)
  const time = after.header.time + 1
  return {
    header: { ...after.header, height, time, deciders, nextDeciders: deciders },
    commit: { round: 0, votes: [{ time, signature: "00".repeat(64) as Signature }] },
    members,
    nextMembers: members,
  }
}

/** A chain that is further by so many blocks. */
export function falseHead(head: SnapshotHead, heights: number): SnapshotHead {
  return { ...head, last: falseLight(head.last, head.last.header.height + heights) }
}
