import * as v from "valibot"
import { type Canonical, decodeCanonical, encodeCanonical } from "../../../base/canonical.ts"
import type { DriverInput } from "../../../core/consensus/driver/input.ts"
import type { SignedProposal, SignedVote } from "../../../core/consensus/message.ts"
import type { Address, Proposal, ValueId, Vote } from "../../../core/consensus/terms.ts"

/** An input of the driver, and when it came: a vote that follows from it is signed with that time, at a replay too. */
export interface LogEntry {
  /** ms since epoch, chain time */
  readonly timeMs: number
  readonly input: DriverInput
}

/*
 * The canonical item of an entry: [timeMs, kind, …]. Votes and proposals in it are signed ones.
 */
const number = v.pipe(v.number(), v.safeInteger(), v.minValue(-1))
const height = v.pipe(number, v.minValue(0))
const bytes = v.instance(Uint8Array)
const address = v.custom<Address>((text) => typeof text === "string")
const value = v.custom<ValueId>((text) => typeof text === "string")
const vote = v.strictTuple([
  v.picklist(["prevote", "precommit"]),
  height,
  number,
  v.nullable(value),
  address,
  height,
  bytes,
])
const proposal = v.strictTuple([height, number, value, number, address, bytes])
const step = v.picklist(["propose", "prevote", "precommit"])
const EntrySchema = v.union([
  v.strictTuple([height, v.literal("start")]),
  v.strictTuple([height, v.literal("proposal"), proposal, v.boolean()]),
  v.strictTuple([height, v.literal("value"), height, number, value]),
  v.strictTuple([height, v.literal("vote"), vote]),
  v.strictTuple([height, v.literal("certificate"), v.array(vote)]),
  v.strictTuple([height, v.literal("timeout"), step, height, number]),
])
type Tuple = v.InferOutput<typeof EntrySchema>

export function encodeEntry({ timeMs, input }: LogEntry): Uint8Array {
  return encodeCanonical([timeMs, input.kind, ...contentOf(input)])
}

/** @returns null for bytes that are no entry */
export function decodeEntry(record: Uint8Array): LogEntry | null {
  const decoded = decodeCanonical(record)
  const read = decoded.ok ? v.safeParse(EntrySchema, decoded.value) : null
  return read?.success ? { timeMs: read.output[0], input: inputOf(read.output) } : null
}

function contentOf(input: DriverInput): readonly Canonical[] {
  switch (input.kind) {
    case "start":
      return []
    case "proposal":
      return [proposalItem(input.proposal), input.valid]
    case "value":
      return [input.height, input.round, input.value]
    case "vote":
      return [voteItem(input.vote)]
    case "certificate":
      return [input.votes.map(voteItem)]
    case "timeout":
      return [input.step, input.height, input.round]
  }
}

function inputOf(item: Tuple): DriverInput {
  switch (item[1]) {
    case "start":
      return { kind: "start" }
    case "proposal":
      return { kind: "proposal", proposal: signedProposal(item[2]), valid: item[3] }
    case "value":
      return { kind: "value", height: item[2], round: item[3], value: item[4] }
    case "vote":
      return { kind: "vote", vote: signedVote(item[2]) }
    case "certificate":
      return { kind: "certificate", votes: item[2].map(signedVote) }
    case "timeout":
      return { kind: "timeout", step: item[2], height: item[3], round: item[4] }
  }
}

// What reaches the driver here came from `Consensus`, which takes signed ones only.
function voteItem(one: Vote): Canonical {
  const { type, height: of, round, value: id, voter, timeMs, signature } = one as SignedVote
  return [type, of, round, id, voter, timeMs, signature]
}

function proposalItem(one: Proposal): Canonical {
  const { height: of, round, value: id, polRound, proposer, signature } = one as SignedProposal
  return [of, round, id, polRound, proposer, signature]
}

function signedVote([type, of, round, id, voter, timeMs, signature]: v.InferOutput<typeof vote>): SignedVote {
  return { type, height: of, round, value: id, voter, timeMs, signature }
}

function signedProposal([of, round, id, polRound, proposer, signature]: v.InferOutput<
  typeof proposal
>): SignedProposal {
  return { height: of, round, value: id, polRound, proposer, signature }
}
