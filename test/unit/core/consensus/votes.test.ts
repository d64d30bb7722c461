import assert from "node:assert/strict"
import fc from "fast-check"
import { CONSENSUS_ROUND_MAX, CONSENSUS_ROUNDS_AHEAD_MAX } from "../../../../agent/base/network-limits.ts"
import { genesisValidators } from "../../../../agent/core/consensus/rotation.ts"
import type { Address, DoubleVote, ValueId, Vote, VoteType } from "../../../../agent/core/consensus/terms.ts"
import {
  type Applied,
  applyCertificate,
  applyVote,
  certificate,
  hasQuorum,
  newKeeper,
  prune,
  roundAhead,
  type VoteKeeper,
} from "../../../../agent/core/consensus/votes/keeper.ts"
import type { Threshold } from "../../../../agent/core/consensus/votes/threshold.ts"
import { scaled } from "../../../support/scale.ts"

const POWERS: Readonly<Record<string, bigint>> = { ann: 10n, bob: 30n, cat: 25n, dan: 35n }
const SET = genesisValidators(Object.entries(POWERS).map(([name, power]) => ({ address: name as Address, power })))

/** `ann 2 prevote a`: of ann, in round 2; `-` is nil. */
function vote(text: string, height = 7): Vote {
  const [voter, round, type, value] = text.split(" ")
  return {
    type: type as VoteType,
    height,
    round: Number(round),
    value: value === "-" ? null : (value as ValueId),
    voter: voter as Address,
  }
}

/** Gives votes one after the other, all in one round of the process. */
function given(votes: readonly string[], currentRound = 0): Applied & { readonly told: (Threshold | null)[] } {
  let applied: Applied = { keeper: newKeeper(7, SET), threshold: null, evidence: [], refused: null }
  const told = votes.map((text) => {
    applied = applyVote(applied.keeper, vote(text), currentRound)
    return applied.threshold
  })
  return { ...applied, told }
}

const value = "a" as ValueId
const cases: { name: string; votes: string[]; currentRound?: number; told: (Threshold | null)[] }[] = [
  {
    name: "K1: a repeated vote does not count again",
    votes: ["dan 0 prevote a", "dan 0 prevote a", "bob 0 prevote a", "ann 0 prevote a"],
    told: [null, null, null, { kind: "polka-value", round: 0, value }],
  },
  {
    name: "K2: a second say does not count for its value",
    votes: ["dan 0 prevote b", "dan 0 prevote a", "bob 0 prevote a", "ann 0 prevote a"],
    told: [null, null, null, { kind: "polka-any", round: 0 }],
  },
  {
    name: "K4: more than a third in a later round is a skip, as long as that round is later",
    votes: ["bob 2 prevote a", "ann 2 precommit -", "cat 2 prevote b"],
    told: [null, { kind: "skip", round: 2 }, { kind: "skip", round: 2 }],
  },
  {
    name: "K4: a prevote and a precommit of one validator weigh once",
    votes: ["bob 2 prevote a", "bob 2 precommit a", "bob 1 prevote a"],
    told: [null, null, null],
  },
  {
    name: "K4: the process's own round is no skip",
    votes: ["bob 2 prevote a", "ann 2 precommit -"],
    currentRound: 2,
    told: [null, null],
  },
  {
    name: "K5: a polka, at the vote that makes it more than two thirds",
    votes: ["dan 0 prevote a", "bob 0 prevote a", "cat 0 prevote a"],
    told: [null, null, { kind: "polka-value", round: 0, value }],
  },
  {
    name: "K5: a polka for nil",
    votes: ["dan 0 prevote -", "bob 0 prevote -", "cat 0 prevote -", "ann 0 prevote -"],
    told: [null, null, { kind: "polka-nil", round: 0 }, null],
  },
  {
    name: "K5: precommits for a value",
    votes: ["dan 0 precommit a", "bob 0 precommit a", "cat 0 precommit a", "ann 0 precommit a"],
    told: [null, null, { kind: "precommit-value", round: 0, value }, null],
  },
  {
    name: "K5: precommits for nil are precommits of any",
    votes: ["dan 0 precommit -", "bob 0 precommit -", "cat 0 precommit -", "ann 0 precommit a"],
    told: [null, null, { kind: "precommit-any", round: 0 }, null],
  },
  {
    name: "K6: votes of a quorum that agree on nothing, and then on a value",
    votes: ["dan 0 prevote a", "bob 0 prevote a", "ann 0 prevote b", "cat 0 prevote a"],
    told: [null, null, { kind: "polka-any", round: 0 }, { kind: "polka-value", round: 0, value }],
  },
  {
    name: "K6: prevotes and precommits are not put together",
    votes: ["dan 0 prevote a", "bob 0 prevote a", "cat 0 precommit a", "ann 0 precommit a"],
    told: [null, null, null, null],
  },
  {
    name: "K5: an earlier round reaches its thresholds too",
    votes: ["dan 0 prevote a", "bob 0 prevote a", "cat 0 prevote a"],
    currentRound: 3,
    told: [null, null, { kind: "polka-value", round: 0, value }],
  },
]

const refusals: { name: string; vote: Vote; refused: string }[] = [
  { name: "another height", vote: vote("ann 0 prevote a", 8), refused: "OTHER_HEIGHT" },
  { name: "who is no validator", vote: vote("eve 0 prevote a"), refused: "NOT_A_VALIDATOR" },
  { name: "a round below 0", vote: vote("ann -1 prevote a"), refused: "ROUND_OUT_OF_BOUNDS" },
  { name: "half a round", vote: vote("ann 0.5 prevote a"), refused: "ROUND_OUT_OF_BOUNDS" },
  {
    name: "a round beyond 32 bits",
    vote: vote(`ann ${CONSENSUS_ROUND_MAX + 1} prevote a`),
    refused: "ROUND_OUT_OF_BOUNDS",
  },
  { name: "a round long over", vote: vote("ann 35 prevote a"), refused: "ROUND_OUT_OF_BOUNDS" },
]

describe("the vote keeper", () => {
  for (const { name, votes, currentRound, told } of cases) {
    it(name, () => assert.deepEqual(given(votes, currentRound).told, told))
  }

  for (const { name, vote, refused } of refusals) {
    it(`K7: refuses ${name}, and keeps nothing of it`, () => {
      const keeper = newKeeper(7, SET)
      assert.deepEqual(applyVote(keeper, vote, 100), { keeper, threshold: null, evidence: [], refused })
    })
  }

  it("K2: gives out a double vote once, as the very votes it was given", () => {
    const [first, second, third] = ["ann 0 prevote a", "ann 0 prevote -", "ann 0 prevote b"].map((text) => vote(text))
    const one = applyVote(newKeeper(7, SET), first!, 0)
    const two = applyVote(one.keeper, second!, 0)
    assert.equal(two.evidence[0]!.first, first)
    assert.equal(two.evidence[0]!.second, second)
    for (const again of [second!, third!]) assert.deepEqual(applyVote(two.keeper, again, 0).evidence, [])
    for (const other of ["ann 0 precommit -", "ann 1 prevote -", "bob 0 prevote -"]) {
      assert.deepEqual(applyVote(two.keeper, vote(other), 0).evidence, [], other)
    }
  })

  describe("takes a certificate", () => {
    const polka = ["dan 0 prevote a", "bob 0 prevote a", "cat 0 prevote a"].map((text) => vote(text))

    it("K3: its votes count, also of who said something else before, and are given back", () => {
      const before = given(["dan 0 prevote b", "ann 0 prevote a"]).keeper
      const taken = applyCertificate(before, polka)
      assert.deepEqual(taken.threshold, { kind: "polka-value", round: 0, value })
      assert.deepEqual(taken.evidence, [{ first: vote("dan 0 prevote b"), second: polka[0]! }] satisfies DoubleVote[])
      const voters = certificate(taken.keeper, 0, "prevote", value)!.map(({ voter }) => voter)
      assert.deepEqual(voters.sort(), ["ann", "bob", "cat", "dan"])
      const again = applyCertificate(taken.keeper, polka)
      assert.deepEqual(again.evidence, [])
      assert.equal(certificate(again.keeper, 0, "prevote", value)!.length, 4, "nobody weighs twice")
      assert.equal(hasQuorum(again.keeper, 0, "prevote", "b" as ValueId), false)
    })

    const wrong: { name: string; votes: readonly Vote[]; refused: string }[] = [
      { name: "of nobody", votes: [], refused: "NOT_A_CERTIFICATE" },
      { name: "of less than a quorum", votes: polka.slice(1), refused: "NOT_A_CERTIFICATE" },
      { name: "in which one stands twice", votes: [polka[0]!, polka[1]!, polka[1]!], refused: "NOT_A_CERTIFICATE" },
      { name: "of two rounds", votes: [...polka, vote("ann 1 prevote a")], refused: "NOT_A_CERTIFICATE" },
      { name: "of two values", votes: [...polka, vote("ann 0 prevote b")], refused: "NOT_A_CERTIFICATE" },
      { name: "of two types", votes: [...polka, vote("ann 0 precommit a")], refused: "NOT_A_CERTIFICATE" },
      { name: "for nil", votes: polka.map((one) => ({ ...one, value: null })), refused: "NOT_A_CERTIFICATE" },
      { name: "with a stranger in it", votes: [...polka, vote("eve 0 prevote a")], refused: "NOT_A_VALIDATOR" },
      { name: "of another height", votes: polka.map((one) => ({ ...one, height: 6 })), refused: "OTHER_HEIGHT" },
    ]
    for (const { name, votes, refused } of wrong) {
      it(`K3: but none ${name}`, () => {
        const keeper = newKeeper(7, SET)
        assert.deepEqual(applyCertificate(keeper, votes), { keeper, threshold: null, evidence: [], refused })
      })
    }
  })

  it("K8: keeps of one validator its newest later rounds, and of the others all theirs", () => {
    const far = Array.from({ length: 1000 }, (_, i) => `ann ${i + 2} prevote a`)
    const { keeper } = given(["bob 2 prevote a", "ann 0 prevote a", ...far])
    const kept = [...keeper.rounds].filter(([, { heard }]) => heard.has("ann" as Address)).map(([round]) => round)
    assert.deepEqual(kept, [0, ...Array.from({ length: CONSENSUS_ROUNDS_AHEAD_MAX }, (_, i) => 994 + i)])
    assert.equal(keeper.rounds.size, 2 + CONSENSUS_ROUNDS_AHEAD_MAX)
    assert.equal(roundAhead(keeper, 0), null, "without ann's ten, bob's thirty are less than a third in round 2")
    assert.equal(roundAhead(applyVote(keeper, vote("dan 1001 precommit -"), 0).keeper, 0), 1001)
  })

  it("K8: refuses a vote of a validator that is older than all of its that are kept", () => {
    const far = Array.from({ length: CONSENSUS_ROUNDS_AHEAD_MAX }, (_, i) => `ann ${i + 20} prevote a`)
    const { keeper } = given(far)
    const late = applyVote(keeper, vote("ann 19 prevote a"), 0)
    assert.deepEqual([late.refused, late.keeper], ["ROUND_OUT_OF_BOUNDS", keeper])
    assert.equal(applyVote(keeper, vote("ann 20 precommit a"), 0).refused, null)
    assert.equal(applyVote(keeper, vote("ann 0 prevote a"), 0).refused, null)
  })

  it("K8: forgets with a vote what it weighed", () => {
    let { keeper } = given(["bob 1 prevote a", "cat 1 prevote a", "dan 1 prevote a"], 1)
    for (let round = 2; round < 20; round++) keeper = applyVote(keeper, vote(`dan ${round} prevote a`), 1).keeper
    assert.equal(hasQuorum(keeper, 1, "prevote", value), true, "its own round is no later one")
    keeper = given(["bob 1 prevote a", "cat 1 prevote a", "dan 1 prevote a"], 0).keeper
    for (let round = 2; round < 20; round++) keeper = applyVote(keeper, vote(`dan ${round} prevote a`), 0).keeper
    assert.equal(hasQuorum(keeper, 1, "prevote", value), false)
    assert.equal(hasQuorum(keeper, 1, "prevote", "any"), false)
  })

  it("drops what is too far behind", () => {
    const { keeper } = given(["ann 0 prevote a", "bob 40 prevote a", "cat 90 prevote a"], 0)
    assert.deepEqual([...prune(keeper, 100).rounds.keys()], [40, 90])
    assert.equal(prune(keeper, 10), keeper)
  })

  it("says what a count from the beginning says, after any votes", () => {
    const votes = fc.array(
      fc.tuple(
        fc.constantFrom("ann", "bob", "cat", "dan"),
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom("prevote", "precommit"),
        fc.constantFrom("a", "b", "-"),
        fc.integer({ min: 0, max: 3 }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(votes, (all) => {
        let keeper: VoteKeeper = newKeeper(7, SET)
        const slow = new SlowKeeper()
        for (const [voter, round, type, value, currentRound] of all) {
          const one = vote(`${voter} ${round} ${type} ${value}`)
          const applied = applyVote(keeper, one, currentRound)
          assert.equal(applied.refused, null)
          keeper = applied.keeper
          assert.equal(shown(applied.threshold), slow.take(one, currentRound))
          assert.equal(applied.evidence.length, slow.doubles)
        }
      }),
      { numRuns: scaled(500, 20_000) },
    )
  })
})

const shown = (threshold: Threshold | null) =>
  threshold === null
    ? "nothing"
    : `${threshold.kind} ${threshold.round} ${"value" in threshold ? threshold.value : "*"}`

/** Counts all votes anew at every vote. */
class SlowKeeper {
  readonly #votes: Vote[] = []
  readonly #told: string[] = []
  doubles = 0

  take(vote: Vote, currentRound: number): string {
    const alike = ({ voter, round, type }: Vote) => voter === vote.voter && round === vote.round && type === vote.type
    const before = this.#votes.filter(alike)
    // The second different one proves it; a third proves nothing new.
    const says = new Set(before.map(({ value }) => value))
    this.doubles = says.size === 1 && !says.has(vote.value) ? 1 : 0
    this.#votes.push(vote)
    const share = (chosen: (vote: Vote) => boolean) => {
      const voters = new Set(this.#votes.filter(chosen).map(({ voter }) => voter))
      return [...voters].reduce((sum, voter) => sum + Number(POWERS[voter]), 0)
    }
    const here = this.#votes.filter(({ round }) => round === vote.round)
    if (vote.round > currentRound && share((one) => here.includes(one)) > 100 / 3) return `skip ${vote.round} *`
    const firsts = here.filter(
      (one, i) => one.type === vote.type && here.findIndex((x) => x.type === one.type && x.voter === one.voter) === i,
    )
    const quorum = (chosen: (vote: Vote) => boolean) => share((one) => firsts.includes(one) && chosen(one)) > 200 / 3
    const word = vote.type === "prevote" ? "polka" : "precommit"
    let said = "nothing"
    if (quorum(({ value }) => value === vote.value)) {
      if (vote.value !== null) said = `${word}-value ${vote.round} ${vote.value}`
      else said = vote.type === "prevote" ? `polka-nil ${vote.round} *` : `precommit-any ${vote.round} *`
    } else if (quorum(() => true)) said = `${word}-any ${vote.round} *`
    if (said === "nothing" || this.#told.includes(said)) return "nothing"
    this.#told.push(said)
    return said
  }
}
