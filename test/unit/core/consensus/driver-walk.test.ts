import assert from "node:assert/strict"
import fc from "fast-check"
import { drive } from "../../../../agent/core/consensus/driver/driver.ts"
import type { DriverInput } from "../../../../agent/core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../../agent/core/consensus/driver/output.ts"
import { type DriverState, newDriver } from "../../../../agent/core/consensus/driver/state.ts"
import { genesisValidators } from "../../../../agent/core/consensus/rotation.ts"
import type { Address, Proposal, TimeoutStep, ValueId, VoteType } from "../../../../agent/core/consensus/terms.ts"
import { type Clock, type Message, PaperProcess } from "../../../support/paper-tendermint.ts"
import { scaled } from "../../../support/scale.ts"

/*
 * One process among three others of which any may be faulty, compared with the paper's pseudo code after every move.
 */
const POWERS: Readonly<Record<string, number>> = { ann: 20, bob: 30, cat: 25, me: 25 }
const NAMES = Object.keys(POWERS) as Address[]
const SET = genesisValidators(NAMES.map((address) => ({ address, power: BigInt(POWERS[address]!) })))
const HEIGHT = 4
const CLOCKS: Readonly<Record<TimeoutStep, Clock>> = {
  propose: "OnTimeoutPropose",
  prevote: "OnTimeoutPrevote",
  precommit: "OnTimeoutPrecommit",
}

type Move =
  | { readonly do: "vote"; from: Address; type: VoteType; round: number; value: ValueId | null }
  | { readonly do: "propose"; round: number; value: ValueId; polRound: number }
  | { readonly do: "hear" }
  | { readonly do: "value"; value: ValueId }
  | { readonly do: "elapse"; step: TimeoutStep; round: number }

/** Both processes, and what the first said and did not hear yet. */
class Pair {
  #state: DriverState = newDriver("me" as Address, HEIGHT, SET)
  readonly #paper: PaperProcess
  readonly #proposer: (round: number) => Address
  #unheard: Extract<DriverInput, { kind: "vote" | "proposal" }>[] = []
  readonly #proposals = new Map<number, Set<string>>()
  readonly #timers = new Set<string>()
  #wanted: { height: number; round: number } | null = null

  constructor(turn: number, lines: Set<number>) {
    this.#proposer = (round) => NAMES[(round + turn) % NAMES.length]!
    this.#paper = new PaperProcess(HEIGHT, { p: "me", powers: POWERS, lines, proposer: this.#proposer })
  }

  start(): void {
    this.#both({ kind: "start" }, () => this.#paper.start())
  }

  take(move: Move): void {
    switch (move.do) {
      case "vote": {
        const { from, type, round, value } = move
        return this.#hear({ kind: "vote", vote: { type, height: HEIGHT, round, value, voter: from } })
      }
      case "propose": {
        const { round, value, polRound } = move
        const proposer = this.#proposer(round)
        // What it says itself it hears; and of a round's proposals two are kept.
        if (proposer === "me") return
        const said = this.#proposals.get(round) ?? new Set()
        this.#proposals.set(round, said.size < 2 ? said.add(`${value} ${polRound}`) : said)
        if (!said.has(`${value} ${polRound}`)) return
        const proposal: Proposal = { height: HEIGHT, round, value, polRound, proposer }
        return this.#hear({ kind: "proposal", proposal, valid: value !== "wrong" })
      }
      case "hear": {
        const next = this.#unheard.shift()
        return next === undefined ? undefined : this.#hear(next)
      }
      case "value": {
        if (this.#wanted === null) return
        const { height, round } = this.#wanted
        this.#wanted = null
        return this.#both({ kind: "value", height, round, value: move.value }, () => this.#paper.gotValue(move.value))
      }
      case "elapse": {
        const { step, round } = move
        return this.#both({ kind: "timeout", step, height: HEIGHT, round }, () => {
          this.#paper.elapsed(CLOCKS[step], round)
        })
      }
    }
  }

  #hear(input: Extract<DriverInput, { kind: "vote" | "proposal" }>): void {
    this.#both(input, () => this.#paper.receive(asMessage(input)))
  }

  #both(input: DriverInput, paper: () => void): void {
    const before = structuredClone(this.#state)
    const { state, outputs, refused } = drive(this.#state, input, this.#proposer)
    assert.deepEqual(this.#state, before, "the state it was given is as it was")
    assert.notEqual(refused, "SAID")
    this.#state = state
    const from = this.#paper.did.length
    paper()
    const theirs = this.#paper.did.slice(from)
    const ours = outputs.flatMap((output) => this.#told(output))
    assert.deepEqual(withoutTimers(ours), withoutTimers(theirs))
    // A timer for prevotes that are answered in the same moment may be left out.
    const answered = theirs.some((words) => /^(?:PRECOMMIT|decide|getValue|PROPOSAL|timer propose)/.test(words))
    if (!answered) assert.deepEqual(timers(ours), timers(theirs))
    assert.equal(state.round.round, this.#paper.round)
    assert.equal(state.decision?.value ?? null, this.#paper.decision)
  }

  /** In the paper's words; a timer that runs already is not told again. */
  #told(output: DriverOutput): string[] {
    switch (output.kind) {
      case "evidence":
        return []
      case "get-value":
        this.#wanted = output
        return [`getValue ${output.round}`]
      case "proposal": {
        const { proposal } = output
        assert.equal(output.polka === null, proposal.polRound < 0, "a polka travels with what it lets be proposed")
        this.#unheard.push({ kind: "proposal", proposal, valid: true })
        return [`PROPOSAL ${proposal.round} ${proposal.value} ${proposal.polRound}`]
      }
      case "vote":
        this.#unheard.push(output)
        return [`${output.vote.type.toUpperCase()} ${output.vote.round} ${output.vote.value}`]
      case "timeout": {
        const words = `timer ${output.step} ${output.round}`
        if (this.#timers.has(words)) return []
        this.#timers.add(words)
        return [words]
      }
      case "decision":
        assert.ok(output.commit.length >= 3, "a decision is proven")
        return [`decide ${output.round} ${output.value}`]
    }
  }
}

const withoutTimers = (words: readonly string[]) => words.filter((one) => !one.startsWith("timer pre"))
const timers = (words: readonly string[]) => words.filter((one) => one.startsWith("timer pre")).sort()

function asMessage(input: Extract<DriverInput, { kind: "vote" | "proposal" }>): Message {
  if (input.kind === "vote") {
    const { type, height, round, value, voter } = input.vote
    return { is: type === "prevote" ? "PREVOTE" : "PRECOMMIT", h: height, round, id: value, from: voter }
  }
  const { height, round, value, polRound, proposer } = input.proposal
  return { is: "PROPOSAL", h: height, round, v: value, vr: polRound, from: proposer, valid: input.valid }
}

const round = fc.integer({ min: 0, max: 3 })
const value = fc.constantFrom("a", "b") as fc.Arbitrary<ValueId>
const others = fc.constantFrom("ann", "bob", "cat") as fc.Arbitrary<Address>

/** Votes of three about one thing: alone they would seldom meet. */
const together = fc
  .record({ type: fc.constantFrom<VoteType>("prevote", "precommit"), round, value: fc.option(value) })
  .map(({ type, round, value }) => all(type, round, value))
const one: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Move>({ do: "hear" }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("vote" as const),
      from: others,
      type: fc.constantFrom<VoteType>("prevote", "precommit"),
      round,
      value: fc.option(value),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("propose" as const),
      round,
      value: fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: fc.constant("wrong" as ValueId) }),
      polRound: fc.integer({ min: -1, max: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("elapse" as const),
      step: fc.constantFrom<TimeoutStep>("propose", "prevote", "precommit"),
      round,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("value" as const), value }) },
)
/** A polka for b that nobody locks, then a lock on a, then b again with its old polka: by chance that is seldom. */
const oldPolka: readonly Move[] = [
  ...all("prevote", 0, "b"),
  { do: "elapse", step: "propose", round: 0 },
  { do: "elapse", step: "precommit", round: 0 },
  { do: "propose", round: 1, value: "a" as ValueId, polRound: -1 },
  ...all("prevote", 1, "a"),
  { do: "elapse", step: "precommit", round: 1 },
  { do: "propose", round: 2, value: "b" as ValueId, polRound: 0 },
]
const stories = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.nat({ max: oldPolka.length }).map((length) => oldPolka.slice(0, length)) },
)
const moves = fc
  .array(fc.oneof({ weight: 4, arbitrary: one.map((move) => [move]) }, { weight: 1, arbitrary: together }), {
    maxLength: 60,
    size: "max",
  })
  .map((parts) => parts.flat())

function all(type: VoteType, round: number, value: string | null): Move[] {
  return (["ann", "bob", "cat"] as Address[]).map((from) => ({
    do: "vote",
    from,
    type,
    round,
    value: value as ValueId | null,
  }))
}

describe("the driver, beside the paper's pseudo code", function () {
  this.timeout(600_000)

  it("does what the pseudo code does, after any messages, timers and values", () => {
    const lines = new Set<number>()
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.array(one, { maxLength: 6 }),
        stories,
        moves,
        (turn, early, story, rest) => {
          const pair = new Pair(turn, lines)
          // What comes before the height begins is kept.
          for (const move of early) if (move.do === "vote" || move.do === "propose") pair.take(move)
          pair.start()
          for (const move of [...story, ...rest]) pair.take(move)
        },
      ),
      { numRuns: scaled(1200, 40_000) },
    )
    const acts = [10, 16, 18, 19, 21, 24, 26, 30, 32, 35, 40, 42, 45, 48, 51, 56, 59, 63, 67]
    assert.deepEqual(
      [...lines].sort((a, b) => a - b),
      acts,
      "every line that acts was come by",
    )
  })
})
