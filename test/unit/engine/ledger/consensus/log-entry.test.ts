import assert from "node:assert/strict"
import fc from "fast-check"
import type { DriverInput } from "../../../../../agent/core/consensus/driver/input.ts"
import type { SignedVote } from "../../../../../agent/core/consensus/message.ts"
import type { Address, ValueId } from "../../../../../agent/core/consensus/terms.ts"
import { decodeEntry, encodeEntry } from "../../../../../agent/engine/ledger/consensus/log-entry.ts"

const value = "ab".repeat(32) as ValueId
const voter = "v001" as Address
const signature = new Uint8Array(64).fill(3)
const vote: SignedVote = { type: "prevote", height: 4, round: 2, value, voter, timeMs: 1_700_000_000_000, signature }
const proposal = { height: 4, round: 2, value, polRound: -1, proposer: voter, signature }

const inputs: DriverInput[] = [
  { kind: "start" },
  { kind: "proposal", proposal, valid: true },
  { kind: "proposal", proposal: { ...proposal, polRound: 1 } as typeof proposal, valid: false },
  { kind: "value", height: 4, round: 0, value },
  { kind: "vote", vote },
  { kind: "vote", vote: { ...vote, type: "precommit", value: null } as SignedVote },
  { kind: "certificate", votes: [vote, { ...vote, voter: "v002" } as SignedVote] },
  { kind: "timeout", step: "precommit", height: 4, round: 2 },
]

describe("an entry of the log", () => {
  for (const input of inputs) {
    it(`comes back as it was: ${JSON.stringify(input).slice(0, 60)}`, () => {
      const entry = { timeMs: 1_700_000_000_123, input }
      assert.deepEqual(decodeEntry(encodeEntry(entry)), entry)
    })
  }

  it("is read from no bytes but its own", () => {
    for (const input of inputs) {
      const bytes = encodeEntry({ timeMs: 5, input })
      for (let at = 0; at < bytes.length; at++) assert.equal(decodeEntry(bytes.subarray(0, at)), null)
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeEntry(bytes) === null))
  })
})
