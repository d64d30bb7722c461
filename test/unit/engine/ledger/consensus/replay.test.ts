import assert from "node:assert/strict"
import { seededRandom, type SeededRandom } from "../../../../../agent/base/random.ts"
import type { DriverState } from "../../../../../agent/core/consensus/driver/state.ts"
import type { Address, ValueId, VoteType } from "../../../../../agent/core/consensus/terms.ts"
import { scaled } from "../../../../support/scale.ts"
import { TestValidator, valueOf } from "../../../../support/validator.ts"

/*
 * The log leaves out what changed nothing (W6). Whatever came, in whatever order, a process that goes on from its log must
 * be in the same state as the one that was killed, at every moment at which something had been said.
 */
const NAMES = ["ann", "bob", "cat", "dan"]
const VALUES = ["a", "b", "c"].map(valueOf)

/** Inputs from outside, one by one: often of this round, now and then of one far ahead or behind; lies too. */
function happening(one: TestValidator, random: SeededRandom): readonly (() => void)[] {
  const { consensus } = one
  const here = Math.max(0, consensus.state.round.round)
  const round = Math.max(0, here + [0, 0, 0, 0, 0, 1, -1, random.below(30)][random.below(8)]!)
  const value = VALUES[random.below(VALUES.length)]!
  const peers = NAMES.filter((name) => name !== consensus.state.me)
  const vote = (voter: string, type: VoteType, at: number, of: ValueId | null) => {
    const made = one.vote(voter, type, at, of)
    return () => void consensus.hearVote(made)
  }
  switch (random.below(8)) {
    case 0: {
      const next = one.clock.next()
      return next === null ? [] : [() => one.clock.advance(next - one.clock.now())]
    }
    case 1:
      return [() => consensus.propose(one.height, here, value)]
    case 2: {
      if (one.proposerOf(round) === consensus.state.me) return []
      const polRound = round > 0 && random.next() < 0.5 ? random.below(round) : -1
      const proposal = one.proposal(round, value, polRound)
      return [() => void consensus.hearProposal(proposal, null, random.next() < 0.9)]
    }
    case 3: {
      // A flood of one voter, of rounds to come.
      return Array.from({ length: 12 }, () => vote(peers[0]!, "prevote", here + 1 + random.below(40), value))
    }
    case 4: {
      // A polka by itself: what it comes with is refused.
      const polka = peers.map((voter) => one.vote(voter, "prevote", round, value))
      const nobodys = { ...one.proposal(round, value), proposer: "eve" as Address }
      return [() => void consensus.hearProposal(nobodys, polka, true)]
    }
    default: {
      const type: VoteType = random.next() < 0.5 ? "prevote" : "precommit"
      const nil = random.next() < 0.3 ? null : value
      return peers.filter(() => random.next() < 0.6).map((voter) => vote(voter, type, round, nil))
    }
  }
}

/** The driver's state but for what only spares it work. */
function essence({ round, said, asked, proposals, votes }: DriverState) {
  const entries = <Key, Value>(map: ReadonlyMap<Key, Value>) =>
    [...map].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  return {
    round,
    asked,
    said: [...said].sort(),
    proposals: proposals.map(({ round: at, value, polRound, valid }) => [at, value, polRound, valid]),
    votes: entries(votes.rounds).map(([at, { heard, tallies }]) => {
      const tally = ({ first, second, weights }: (typeof tallies)["prevote"]) => ({
        first: entries(first).map(([voter, { value }]) => [voter, value]),
        second: entries(second).map(([voter, { value }]) => [voter, value]),
        weights: entries(weights).filter(([, weight]) => weight > 0n),
      })
      return { at, heard: [...heard].sort(), prevotes: tally(tallies.prevote), precommits: tally(tallies.precommit) }
    }),
  }
}

/** Another process with a copy of the disk. */
function revived(one: TestValidator): TestValidator {
  const copy = new TestValidator({ names: NAMES, me: one.consensus.state.me })
  copy.signed.replace(one.signed.read()!)
  copy.log.replace(one.log.read()!)
  copy.blocks = [...one.blocks]
  copy.restart()
  for (const peer of NAMES) copy.consensus.vouch(peer as never, [])
  return copy
}

function same(one: TestValidator, about: string): 1 {
  const copy = revived(one)
  assert.deepEqual(essence(copy.consensus.state), essence(one.consensus.state), about)
  const wrong = copy.events.filter((what) => /dead|halted|CONFLICT/.test(what))
  assert.deepEqual(wrong, [], about)
  return 1
}

describe("a validator that goes on from its log", function () {
  this.timeout(300_000)

  it("is in the state of the one that was killed, whenever something had been said", () => {
    let [compared, decided] = [0, 0]
    for (let seed = 1; seed <= scaled(150, 5000); seed++) {
      const random = seededRandom(seed)
      // No two timers elapse at once: each is an input of its own.
      let timers = 0
      const timeoutMs = () => 10_000 + timers++
      const one = new TestValidator({ names: NAMES, me: NAMES[random.below(NAMES.length)]!, timeoutMs })
      one.consensus.start()
      for (const peer of NAMES) one.consensus.vouch(peer as never, [])
      one.consensus.begin()
      for (let i = 0; i < 40; i++) {
        for (const happen of happening(one, random)) {
          const [said, { height }] = [one.said.length, one]
          happen()
          if (one.height > height) {
            decided++
            one.consensus.begin()
            break
          }
          if (one.said.length > said) compared += same(one, `seed ${seed}, step ${i}`)
        }
      }
    }
    assert.ok(compared > 500 && decided > 20, `${compared} compared, ${decided} decided`)
  })
})
