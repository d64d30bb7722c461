import type { DriverInput } from "../../../agent/core/consensus/driver/input.ts"
import type { SignedProposal, SignedVote } from "../../../agent/core/consensus/message.ts"
import { UNSIGNED, withSignature } from "../../../agent/core/consensus/sign-state.ts"
import type { Address, ValueId } from "../../../agent/core/consensus/terms.ts"
import { decodeEntry, encodeEntry } from "../../../agent/engine/ledger/consensus/log-entry.ts"
import { decodeSignState, encodeSignState } from "../../../agent/engine/ledger/consensus/sign-state-record.ts"
import { Wal } from "../../../agent/engine/ledger/consensus/wal.ts"
import { sha256 } from "../../../agent/base/hash.ts"
import { concatBytes } from "../../../agent/base/bytes.ts"
import type { Fuzzed } from "../../support/fuzzed.ts"
import { VirtualFile } from "../../sim/chain/disk.ts"

const CHAIN = new Uint8Array(32).fill(1)
const KEY = "key"
const HEIGHT = 3
const value = "ab".repeat(32) as ValueId
const who = "cd".repeat(20) as Address
const signature = new Uint8Array(64).fill(9)
const vote: SignedVote = { type: "prevote", height: 3, round: 0, value, voter: who, timeMs: 5, signature }
const proposal: SignedProposal = { height: 3, round: 1, value, polRound: -1, proposer: who, signature }

const INPUTS: readonly DriverInput[] = [
  { kind: "start" },
  { kind: "proposal", proposal, valid: true },
  { kind: "value", height: 3, round: 0, value },
  { kind: "vote", vote: { ...vote, value: null } },
  { kind: "certificate", votes: [vote, { ...vote, type: "precommit" }] },
  { kind: "timeout", step: "prevote", height: 3, round: 2 },
]
const ENTRIES = INPUTS.map((input, i) => encodeEntry({ timeMs: 1000 + i, input }))

/** What a validator reads from its own disk. */
export function disk(): readonly Fuzzed[] {
  const signed = withSignature(UNSIGNED, { height: 3, round: 0, step: "prevote" }, { bytes: signature, signature }, 40)
  const state = encodeSignState(CHAIN, KEY, signed)
  const readState = (bytes: Uint8Array) => {
    const read = decodeSignState(bytes, CHAIN, KEY)
    return read.ok ? read.state : null
  }
  const writeState = (read: typeof signed) => encodeSignState(CHAIN, KEY, read)
  return [
    { name: "an entry of the log", seeds: ENTRIES, read: decodeEntry, write: encodeEntry },
    { name: "a log", seeds: logs(), read: opened, codes: ["WAL_DAMAGED"] },
    { name: "a sign-state", seeds: [state], read: readState, write: writeState },
    // Its hash is made right again, so that what is behind it is read.
    {
      name: "a sign-state whose hash is right",
      seeds: [state.subarray(32)],
      read: (body) => readState(concatBytes(sha256(body), body)),
      write: (read: typeof signed) => writeState(read).subarray(32),
    },
  ]
}

function logs(): readonly Uint8Array[] {
  return [0, 1, ENTRIES.length].map((count) => {
    const file = new VirtualFile()
    const wal = new Wal(file, CHAIN)
    wal.open(HEIGHT)
    for (const [i, entry] of ENTRIES.slice(0, count).entries()) {
      wal.append(entry)
      if (i % 2 === 0) wal.sync()
    }
    return file.read()!
  })
}

function opened(bytes: Uint8Array): readonly Uint8Array[] {
  const file = new VirtualFile()
  file.replace(bytes)
  return new Wal(file, CHAIN).open(HEIGHT)
}
