import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { answer as driver } from "../conform/driver.ts"
import { answer as round } from "../conform/round.ts"
import { answer as votekeeper } from "../conform/votekeeper.ts"
import { type Itf, integer, tagged, tuple } from "../support/itf.ts"

/*
 * Writes test/golden/tendermint/: stories told to the conformance entries, and what they answered. Run it when a story
 * is added, and read the difference: what stood there before must not change.
 */
const FOLDER = join(import.meta.dirname, "tendermint")

const value = (name: string | null): Itf => (name === null ? tagged("Nil") : tagged("Val", name))
const NONE = tagged("Nil")

const beginning: Itf = {
  height: integer(3),
  lockedRound: integer(-1),
  lockedValue: NONE,
  p: "me",
  round: integer(-1),
  step: tagged("NoStep"),
  validRound: integer(-1),
  validValue: NONE,
}

const newRound = (round: number) => tagged("NewRoundCInput", integer(round))
const proposes = (round: number) => tagged("NewRoundProposerCInput", integer(round))
const proposal = (round: number, name: string) => tagged("ProposalCInput", tuple(integer(round), value(name)))
const again = (name: string, polka: number) =>
  tagged("ProposalAndPolkaPreviousAndValidCInput", tuple(value(name), integer(polka)))
const polka = (name: string) => tagged("ProposalAndPolkaAndValidCInput", value(name))
const commit = (round: number, name: string) => tagged("ProposalAndCommitAndValidCInput", tuple(integer(round), name))
const elapsed = (step: "Propose" | "Prevote" | "Precommit", round: number, height = 3) =>
  tagged(`Timeout${step}CInput`, tuple(integer(height), integer(round)))
const PRECOMMITS = tagged("PrecommitAnyCInput")

const rounds: Record<string, readonly Itf[]> = {
  "decides what everybody prevotes": [
    newRound(0),
    proposal(0, "a"),
    tagged("PolkaAnyCInput"),
    polka("a"),
    commit(0, "a"),
  ],
  "proposes, and hears itself": [
    proposes(0),
    tagged("ProposeValueCInput", "a"),
    proposal(0, "a"),
    polka("a"),
    commit(0, "a"),
  ],
  "gives up a round step by step": [
    newRound(0),
    elapsed("Propose", 0),
    tagged("PolkaAnyCInput"),
    elapsed("Prevote", 0),
    PRECOMMITS,
    elapsed("Precommit", 0),
    proposes(1),
  ],
  "stays with its lock until a later polka": [
    newRound(0),
    proposal(0, "a"),
    polka("a"),
    PRECOMMITS,
    elapsed("Precommit", 0),
    newRound(1),
    proposal(1, "b"),
    tagged("PolkaNilCInput"),
    elapsed("Precommit", 1),
    newRound(2),
    again("b", 1),
    polka("b"),
    commit(2, "b"),
  ],
  "proposes again what it is locked on": [
    newRound(0),
    proposal(0, "a"),
    polka("a"),
    elapsed("Precommit", 0),
    proposes(1),
    again("a", 0),
    commit(1, "a"),
  ],
  "learns a valid value after its precommit": [
    newRound(0),
    proposal(0, "a"),
    elapsed("Prevote", 0),
    polka("a"),
    elapsed("Precommit", 0),
    proposes(1),
  ],
  "leaves for a later round and decides in an earlier one": [
    newRound(0),
    tagged("RoundSkipCInput", integer(4)),
    newRound(4),
    tagged("ProposalInvalidCInput"),
    commit(2, "a"),
    commit(4, "a"),
  ],
  "hears what does not concern it": [
    polka("a"),
    newRound(0),
    newRound(1),
    elapsed("Propose", 1),
    elapsed("Propose", 0, 2),
    again("a", 0),
    tagged("RoundSkipCInput", integer(0)),
    tagged("PolkaNilCInput"),
    tagged("NoConsensusInput"),
  ],
}

/** `ann 2 prevote a @0`: ann's vote in round 2, taken by a process in round 0; `-` is nil. */
const votes: Record<string, readonly string[]> = {
  "tells a polka once": ["dan 0 prevote a @0", "bob 0 prevote a @0", "ann 0 prevote a @0", "cat 0 prevote a @0"],
  "tells any, then the value": ["dan 0 prevote a @0", "bob 0 prevote a @0", "ann 0 prevote - @0", "cat 0 prevote a @0"],
  "counts the first say of who says two things": [
    "dan 0 precommit a @0",
    "dan 0 precommit b @0",
    "bob 0 precommit b @0",
    "cat 0 precommit b @0",
    "ann 0 precommit b @0",
  ],
  "skips to where more than a third is, once from each round": [
    "bob 3 prevote a @0",
    "ann 3 precommit - @0",
    "cat 3 prevote a @0",
    "dan 3 prevote a @3",
  ],
  "takes precommits of an earlier round": ["dan 0 precommit a @5", "bob 0 precommit a @5", "cat 0 precommit a @5"],
  "takes nil for what it is": [
    "dan 1 prevote - @1",
    "bob 1 prevote - @1",
    "cat 1 prevote - @1",
    "dan 1 precommit - @1",
    "bob 1 precommit - @1",
    "cat 1 precommit - @1",
  ],
}
const POWERS = { ann: 10, bob: 30, cat: 25, dan: 35 }

function weightedVote(text: string): Itf {
  const [voter, round, type, said, at] = text.split(" ")
  const vote = {
    height: integer(3),
    round: integer(Number(round)),
    srcAddress: voter!,
    valueId: value(said === "-" ? null : said!),
    voteType: tagged(type === "prevote" ? "Prevote" : "Precommit"),
  }
  return tagged("WV", tuple(vote, integer(POWERS[voter as keyof typeof POWERS]), integer(Number(at!.slice(1)))))
}

/** `v2 vote v1 0 prevote a`: v2 hears it. v2 proposes in round 0, v3 in round 1. */
const networks: Record<string, readonly string[]> = {
  "decides in its first round": [
    "v1 start",
    "v2 start",
    "v2 value a",
    "v1 proposal v2 0 a -1",
    "v1 changed",
    "v1 vote v1 0 prevote a",
    "v1 vote v2 0 prevote a",
    "v1 vote v3 0 prevote a",
    "v1 pending a",
    "v1 changed",
    "v1 vote v1 0 precommit a",
    "v1 vote v2 0 precommit a",
    "v1 vote v3 0 precommit a",
  ],
  "waits for nobody longer than its timers": [
    "v3 start",
    "v3 timeout Propose",
    "v3 vote v1 0 prevote -",
    "v3 vote v2 0 prevote a",
    "v3 vote v3 0 prevote -",
    "v3 timeout Prevote",
    "v3 vote v1 0 precommit -",
    "v3 vote v2 0 precommit -",
    "v3 vote v3 0 precommit -",
    "v3 timeout Precommit",
    "v3 value b",
  ],
  "follows a third of the power, and finds the proposal that came early": [
    "v1 start",
    "v1 proposal v3 1 a -1",
    "v1 vote v2 1 prevote a",
    "v1 vote v3 1 prevote a",
    "v1 changed",
  ],
  "takes no proposal from who does not propose, and nil for an invalid one": [
    "v1 start",
    "v1 proposal v3 0 a -1",
    "v1 proposal v2 0 invalid -1",
    "v1 changed",
    "v1 proposal v2 0 a -1",
  ],
  "counts nobody twice": [
    "v4 start",
    "v4 timeout Propose",
    "v4 vote v1 0 prevote -",
    "v4 vote v1 0 prevote a",
    "v4 vote v1 0 prevote -",
    "v4 vote v2 0 prevote -",
    "v4 vote v3 0 prevote -",
  ],
}

function step(text: string): Itf {
  const [validator, does, ...rest] = text.split(" ")
  return { validator: validator!, input: driverInput(does!, rest) as unknown as Itf }
}

function driverInput(does: string, [first, round, second, third]: readonly string[]): Itf {
  const at = { height: integer(0), round: integer(Number(round)), srcAddress: first! }
  switch (does) {
    case "start":
      return tagged("StartDInput")
    case "changed":
      return tagged("StepChangeDInput")
    case "value":
      return tagged("ProposeValueDInput", first)
    case "pending":
      return tagged("PendingDInput", polka(first!))
    case "timeout":
      return tagged("TimeoutDInput", tagged(`${first}Timeout`))
    case "proposal":
      return tagged("ProposalDInput", { ...at, proposal: second!, validRound: integer(Number(third)) })
    default:
      return tagged("VoteDInput", {
        ...at,
        valueId: value(third === "-" ? null : third!),
        voteType: tagged(second === "prevote" ? "Prevote" : "Precommit"),
      })
  }
}

function write(name: string, lines: Readonly<Record<string, Itf>>, answer: (line: string) => string): void {
  const told = Object.entries(lines).map(([name, line]) =>
    JSON.stringify({ name, line, expect: JSON.parse(answer(JSON.stringify(line))) as Itf }),
  )
  writeFileSync(join(FOLDER, `${name}.jsonl`), `${told.join("\n")}\n`)
}

const traces = Object.entries(rounds).map(([name, inputs]) => {
  const states = [{ state: beginning }, ...inputs.map((input) => ({ input }))]
  return [name, { vars: ["state", "input", "output"], states }] as const
})
mkdirSync(FOLDER, { recursive: true })
write("round", Object.fromEntries(traces) as unknown as Record<string, Itf>, round)

const validatorSet = { "#map": Object.entries(POWERS).map(([name, power]) => [name, integer(power)] as const) }
const keepers = Object.entries(votes).map(([name, texts]) => {
  const first = { bookkeeper: { height: integer(3), validatorSet }, weightedVote: tagged("NoWeightedVote") }
  const states = [first, ...texts.map((text) => ({ weightedVote: weightedVote(text) }))]
  return [name, { vars: ["weightedVote", "bookkeeper", "lastEmitted"], states }] as const
})
write("votekeeper", Object.fromEntries(keepers) as unknown as Record<string, Itf>, votekeeper)

const validators = Object.fromEntries(["v1", "v2", "v3", "v4"].map((name) => [name, 1]))
const drivers = Object.entries(networks).map(([name, texts]) => [name, { validators, steps: texts.map(step) }] as const)
write("driver", Object.fromEntries(drivers) as unknown as Record<string, Itf>, driver)
