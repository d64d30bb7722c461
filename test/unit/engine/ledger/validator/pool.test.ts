import assert from "node:assert/strict"
import {
  HELD_PROPOSALS_MAX,
  HELD_SIGNERS_MAX,
  HELD_VOTES_MAX,
  ROUND_VOTES_MAX,
} from "../../../../../agent/base/network-limits.ts"
import type { SignedVote } from "../../../../../agent/core/consensus/message.ts"
import type { Address, ValueId } from "../../../../../agent/core/consensus/terms.ts"
import { Pool } from "../../../../../agent/engine/ledger/validator/pool.ts"

const signature = new Uint8Array(64)
const voteOf = (change: Partial<SignedVote> = {}): SignedVote => ({
  type: "prevote",
  height: 1,
  round: 0,
  value: null,
  voter: "ann" as Address,
  timeMs: 0,
  signature,
  ...change,
})
const proposalOf = (round: number) => ({
  kind: "proposal" as const,
  proposal: { height: 1, round, value: "v" as ValueId, polRound: -1, proposer: "ann" as Address, signature },
  polka: null,
})

describe("what is held of a height", () => {
  it("is bounded where rounds go on and on: the newest stays", () => {
    const pool = new Pool()
    for (let round = 0; round <= HELD_VOTES_MAX; round++) pool.add({ kind: "vote", vote: voteOf({ round }) })
    for (let round = 0; round < 2 * HELD_PROPOSALS_MAX; round++) pool.add(proposalOf(round))
    assert.deepEqual([pool.has(voteOf()), pool.has(voteOf({ round: 1 }))], [false, true])
    assert.equal(pool.votes(1).length, ROUND_VOTES_MAX)
    assert.equal(pool.votes(1).at(-1)!.round, HELD_VOTES_MAX)
    assert.equal(pool.proposal(1)!.proposal.round, 2 * HELD_PROPOSALS_MAX - 1)
  })

  it("goes with the height; the newest of a validator stays, an older one does not take its place", () => {
    const pool = new Pool()
    const precommit = voteOf({ type: "precommit", round: 3 })
    pool.add({ kind: "vote", vote: precommit })
    pool.add({ kind: "vote", vote: voteOf({ round: 3 }) })
    pool.add({ kind: "vote", vote: voteOf({ height: 2, voter: "bob" as Address }) })
    assert.deepEqual([pool.votes(1), pool.proposal(1)], [[], null])
    assert.equal(pool.newest("ann" as Address).vote, precommit)
    for (let i = 0; i < HELD_SIGNERS_MAX; i++) {
      pool.add({ kind: "vote", vote: voteOf({ height: 2, voter: `v${i}` as Address }) })
    }
    assert.equal(pool.newest("ann" as Address).vote, null)
  })

  it("takes a vote with another signature for another one", () => {
    const pool = new Pool()
    pool.add({ kind: "vote", vote: voteOf() })
    assert.equal(pool.has(voteOf({ signature: signature.with(0, 1) })), false)
  })
})
