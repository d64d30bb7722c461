import assert from "node:assert/strict"
import { CONSENSUS_ROUNDS_AHEAD_MAX, CONSENSUS_ROUNDS_BEHIND_MAX } from "../../../../agent/base/network-limits.ts"
import { drive, turn } from "../../../../agent/core/consensus/driver/driver.ts"
import type { DriverInput } from "../../../../agent/core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../../agent/core/consensus/driver/output.ts"
import { type DriverState, newDriver } from "../../../../agent/core/consensus/driver/state.ts"
import { genesisValidators } from "../../../../agent/core/consensus/rotation.ts"
import {
  type Address,
  NO_ROUND,
  type Proposal,
  type ValueId,
  type Vote,
} from "../../../../agent/core/consensus/terms.ts"

const NAMES = ["ann", "bob", "cat", "dan"] as Address[]
const SET = genesisValidators(NAMES.map((address) => ({ address, power: 1n })))
/** Ann proposes in round 0, bob in 1, and so on. */
const proposer = (round: number) => NAMES[round % NAMES.length]!
const A = "a" as ValueId
const B = "b" as ValueId

const vote = (text: string): Vote => {
  const [voter, round, type, value] = text.split(" ")
  return {
    type: type as Vote["type"],
    height: 9,
    round: Number(round),
    value: value === "-" ? null : (value as ValueId),
    voter: voter as Address,
  }
}
const proposal = (round: number, value: ValueId, polRound = NO_ROUND): Proposal => ({
  height: 9,
  round,
  value,
  polRound,
  proposer: proposer(round),
})
const heard = (text: string): DriverInput => ({ kind: "vote", vote: vote(text) })
const proposed = (round: number, value: ValueId, polRound = NO_ROUND, valid = true): DriverInput => ({
  kind: "proposal",
  proposal: proposal(round, value, polRound),
  valid,
})
const elapsed = (step: "propose" | "prevote" | "precommit", round: number): DriverInput => ({
  kind: "timeout",
  step,
  height: 9,
  round,
})
const START: DriverInput = { kind: "start" }

/** In few words. */
function words(output: DriverOutput): string {
  switch (output.kind) {
    case "get-value":
      return `get-value ${output.round}`
    case "proposal":
      return `propose ${output.proposal.round} ${output.proposal.value} ${output.proposal.polRound}`
    case "vote":
      return `${output.vote.type} ${output.vote.round} ${output.vote.value ?? "-"}`
    case "timeout":
      return `timer ${output.step} ${output.round}`
    case "decision":
      return `decide ${output.round} ${output.value}`
    case "evidence":
      return `evidence ${output.evidence.first.voter}`
  }
}

/** What the process does at each input, and where that leaves it. */
function played(me: string, inputs: readonly DriverInput[], from?: DriverState) {
  let state = from ?? newDriver(me as Address, 9, SET)
  const did: string[][] = []
  const outputs: DriverOutput[] = []
  let refused: string | null = null
  for (const input of inputs) {
    const driven = drive(state, input, proposer)
    state = driven.state
    refused = driven.refused
    outputs.push(...driven.outputs)
    did.push(driven.outputs.map(words))
  }
  return { state, did, outputs, refused }
}

const polka = (round: number, value: string) =>
  ["ann", "bob", "cat"].map((name) => heard(`${name} ${round} prevote ${value}`))
const commit = (round: number, value: string) =>
  ["ann", "bob", "cat"].map((name) => heard(`${name} ${round} precommit ${value}`))

const stories: { name: string; me?: string; inputs: DriverInput[]; last: string[]; round?: number }[] = [
  {
    name: "D1: finds a decision that was there before it began",
    inputs: [proposed(2, A), ...commit(2, "a"), START],
    last: ["timer propose 0", "decide 2 a"],
  },
  {
    name: "D1: begins where the others are",
    inputs: [heard("ann 5 prevote -"), heard("bob 5 prevote a"), START],
    last: ["timer propose 0", "timer propose 5"],
    round: 5,
  },
  {
    name: "D1: begins in the middle of a round whose proposal it has",
    inputs: [proposed(0, A), ...polka(0, "a"), START],
    // The quorum is told before the round began; it is found again.
    last: ["timer propose 0", "prevote 0 a", "precommit 0 a"],
  },
  {
    name: "D2: keeps a proposal for the round it is of",
    inputs: [START, elapsed("propose", 0), proposed(1, A), elapsed("precommit", 0)],
    last: ["timer propose 1", "prevote 1 a"],
  },
  {
    name: "D3: an invalid proposal kept is answered with nil when its round begins",
    inputs: [START, proposed(1, A, NO_ROUND, false), elapsed("precommit", 0)],
    last: ["timer propose 1", "prevote 1 -"],
  },
  {
    name: "D3: a proposal that comes after its polka is precommitted",
    inputs: [START, elapsed("propose", 0), ...polka(0, "a"), proposed(0, A)],
    last: ["precommit 0 a"],
  },
  {
    name: "D3: a proposal that comes after its commit is decided, in whatever round",
    inputs: [START, ...commit(0, "a"), elapsed("precommit", 0), proposed(0, A)],
    last: ["decide 0 a"],
  },
  {
    name: "D3: waits with a proposal of an earlier polka until it has that polka",
    inputs: [START, elapsed("precommit", 0), proposed(1, A, 0), ...polka(0, "a")],
    last: ["prevote 1 a"],
  },
  {
    name: "D4: a polka and its proposal lock and are precommitted",
    inputs: [START, proposed(0, A), ...polka(0, "a")],
    last: ["timer prevote 0", "precommit 0 a"],
  },
  {
    name: "D4: a certificate from a later round takes it there",
    inputs: [START, { kind: "certificate", votes: polka(3, "a").map((input) => (input as { vote: Vote }).vote) }],
    me: "bob",
    last: ["timer propose 3"],
    round: 3,
  },
  {
    name: "D4: a commit certificate decides, also of a round long over",
    inputs: [
      START,
      proposed(0, A),
      { kind: "certificate", votes: commit(0, "a").map((input) => (input as { vote: Vote }).vote) },
    ],
    last: ["decide 0 a"],
  },
  {
    name: "D5: prevotes for nil that came early are answered when its own step is there",
    inputs: [START, ...polka(0, "-"), elapsed("propose", 0)],
    last: ["prevote 0 -", "precommit 0 -"],
  },
  {
    name: "D5: also beside a proposal that nobody prevoted",
    inputs: [START, ...polka(0, "-"), proposed(0, A)],
    last: ["prevote 0 a", "precommit 0 -"],
  },
  {
    name: "D5: a skipped round's votes count when it gets there",
    inputs: [START, proposed(2, A), heard("ann 2 prevote a"), heard("bob 2 prevote a")],
    last: ["timer propose 2", "prevote 2 a"],
    round: 2,
  },
  {
    name: "D7: a timer of another round does nothing",
    inputs: [START, elapsed("propose", 1)],
    last: [],
  },
  {
    name: "D8: the proposer asks, and proposes what it is given",
    me: "ann",
    inputs: [START, { kind: "value", height: 9, round: 0, value: A }],
    last: ["propose 0 a -1"],
  },
  {
    name: "D8: a value may come after the proposer gave up waiting, as long as the round is its",
    me: "ann",
    inputs: [START, elapsed("propose", 0), { kind: "value", height: 9, round: 0, value: A }],
    last: ["propose 0 a -1"],
  },
]

const refusals: { name: string; me?: string; inputs: DriverInput[]; refused: string }[] = [
  { name: "a second start", inputs: [START, START], refused: "STARTED" },
  {
    name: "a proposal of another height",
    inputs: [START, { kind: "proposal", proposal: { ...proposal(0, A), height: 8 }, valid: true }],
    refused: "OTHER_HEIGHT",
  },
  {
    name: "a proposal by who does not propose in its round",
    inputs: [START, { kind: "proposal", proposal: { ...proposal(0, A), proposer: NAMES[1]! }, valid: true }],
    refused: "NOT_THE_PROPOSER",
  },
  {
    name: "a proposal of a round too far ahead to count its proposer",
    inputs: [START, proposed(CONSENSUS_ROUNDS_AHEAD_MAX + 1, A)],
    refused: "ROUND_OUT_OF_BOUNDS",
  },
  { name: "a proposal of no round", inputs: [START, proposed(-1, A)], refused: "ROUND_OUT_OF_BOUNDS" },
  {
    name: "a third proposal of one round",
    inputs: [START, proposed(0, A), proposed(0, B), proposed(0, "c" as ValueId)],
    refused: "PROPOSALS_ENOUGH",
  },
  {
    name: "a value that nobody asked for",
    inputs: [START, { kind: "value", height: 9, round: 0, value: A }],
    refused: "NOT_ASKED",
  },
  {
    name: "a value that comes twice",
    me: "ann",
    inputs: [START, { kind: "value", height: 9, round: 0, value: A }, { kind: "value", height: 9, round: 0, value: B }],
    refused: "NOT_ASKED",
  },
  {
    name: "a value for a round that is over",
    me: "ann",
    inputs: [START, elapsed("precommit", 0), { kind: "value", height: 9, round: 0, value: A }],
    refused: "NOT_ASKED",
  },
  {
    name: "anything once it has decided",
    inputs: [START, proposed(0, A), ...commit(0, "a"), elapsed("precommit", 0)],
    refused: "DECIDED",
  },
]

describe("the driver", () => {
  for (const { name, me, inputs, last, round } of stories) {
    it(name, () => {
      const { did, state } = played(me ?? "dan", inputs)
      assert.deepEqual(did.at(-1), last)
      if (round !== undefined) assert.equal(state.round.round, round)
    })
  }

  for (const { name, me, inputs, refused } of refusals) {
    it(`refuses ${name}`, () => assert.equal(played(me ?? "dan", inputs).refused, refused))
  }

  it("D2: takes a third proposal that the others voted for", () => {
    const c = "c" as ValueId
    const three = [START, proposed(0, A), proposed(0, B), ...commit(0, "c"), proposed(0, c)]
    assert.deepEqual(played("dan", three).did.at(-1), ["decide 0 c"])
    const before = [START, elapsed("propose", 0), proposed(0, A), proposed(0, B), ...polka(0, "c"), proposed(0, c)]
    assert.deepEqual(played("dan", before).did.at(-1), ["precommit 0 c"])
  })

  it("D2: but of one value no more than the first of them", () => {
    const c = "c" as ValueId
    const many = [START, elapsed("propose", 0), proposed(0, A), proposed(0, B), ...polka(0, "c"), proposed(0, c)]
    const { state } = played("dan", many)
    const more = Array.from({ length: 50 }, (_, i) => proposed(0, c, i))
    assert.deepEqual(played("dan", more, state).state.proposals, state.proposals)
    assert.equal(state.proposals.length, 3)
  })

  it("D2: takes the proposal of a decision however old its round is", () => {
    const later = CONSENSUS_ROUNDS_BEHIND_MAX + 5
    const far = [START, heard(`ann ${later} prevote -`), heard(`bob ${later} prevote -`)]
    const votes = commit(1, "a").map((input) => (input as { vote: Vote }).vote)
    assert.equal(played("dan", [...far, proposed(1, A)]).refused, "ROUND_OUT_OF_BOUNDS")
    assert.deepEqual(played("dan", [...far, { kind: "certificate", votes }, proposed(1, A)]).did.at(-1), ["decide 1 a"])
  })

  it("sends with a value that it proposes again the polka that lets it", () => {
    const locked = [START, proposed(0, A), ...polka(0, "a"), elapsed("precommit", 0)]
    const { outputs } = played("bob", locked)
    const last = outputs.at(-1)!
    assert.ok(last.kind === "proposal")
    assert.deepEqual(last.proposal, { ...proposal(1, A, 0) })
    assert.deepEqual(
      last.polka,
      polka(0, "a").map((input) => (input as { vote: Vote }).vote),
    )
  })

  it("gives a decision with the votes that prove it", () => {
    const { outputs } = played("dan", [START, proposed(0, A), heard("dan 0 precommit b"), ...commit(0, "a")])
    const last = outputs.at(-1)!
    assert.ok(last.kind === "decision" && last.value === A)
    assert.deepEqual(
      last.commit.map(({ voter, value }) => `${voter} ${value}`),
      ["ann a", "bob a", "cat a"],
    )
  })

  it("gives out who said two things, whatever else it does", () => {
    const { did } = played("dan", [START, heard("cat 0 prevote a"), heard("cat 0 prevote b")])
    assert.deepEqual(did.at(-1), ["evidence cat"])
  })

  it("D6: follows without a word where it is no validator", () => {
    const eve = played("eve", [START, proposed(0, A), ...polka(0, "a"), ...commit(0, "a")])
    assert.deepEqual(eve.did.flat(), ["timer propose 0", "timer prevote 0", "decide 0 a"])
  })

  it("D6: says nothing twice in a round, whatever the round machine asks", () => {
    const { state } = played("dan", [START, elapsed("propose", 0)])
    const again: DriverState = { ...state, round: { ...state.round, step: "propose" }, had: new Set() }
    const { outputs, refused } = turn(again, elapsed("propose", 0), proposer)
    assert.deepEqual([outputs, refused], [[], "SAID"])
  })

  it("escapes a hidden lock: who is locked alone learns the polka that the others missed", () => {
    // Dan alone saw the polka for a in round 0; in round 1 the others had one for b, and dan missed it.
    const alone = [START, proposed(0, A), ...polka(0, "a"), elapsed("precommit", 0), elapsed("propose", 1)]
    const missed = { kind: "certificate", votes: polka(1, "b").map((i) => (i as { vote: Vote }).vote) } as const
    const next = [elapsed("precommit", 1), proposed(2, B, 1)]
    assert.deepEqual(played("dan", [...alone, ...next, elapsed("propose", 2)]).did.at(-1), ["prevote 2 -"])
    assert.deepEqual(played("dan", [...alone, ...next, missed]).did.at(-1), ["prevote 2 b"])
  })

  it("keeps of rounds long over neither votes nor proposals", () => {
    const rounds = CONSENSUS_ROUNDS_BEHIND_MAX + 10
    let { state } = played("dan", [START])
    for (let round = 0; round < rounds; round++) {
      const here = [proposed(round, A, NO_ROUND), heard(`cat ${round} prevote -`), elapsed("precommit", round)]
      state = played("dan", here, state).state
    }
    assert.equal(Math.min(...state.votes.rounds.keys()), 10)
    assert.equal(Math.min(...state.proposals.map(({ round }) => round)), 10)
    assert.equal(played("dan", [proposed(9, A)], state).refused, "ROUND_OUT_OF_BOUNDS")
    assert.ok(state.had.size < 10 && state.pending.length === 0)
  })
})
