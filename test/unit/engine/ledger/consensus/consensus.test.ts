import assert from "node:assert/strict"
import { CONSENSUS_AHEAD_VOTES_BURST } from "../../../../../agent/base/network-limits.ts"
import { Wal } from "../../../../../agent/engine/ledger/consensus/wal.ts"
import { VirtualFile } from "../../../../sim/chain/disk.ts"
import { CHAIN_ID, TestValidator, TIMEOUT_MS, type ValidatorOptions, valueOf } from "../../../../support/validator.ts"

const NAMES = ["ann", "bob", "cat", "dan"]
const [A, B] = [valueOf("a"), valueOf("b")]

/** A validator that may sign, in round 0. `at`: whether it proposes there, or in which round it does. */
function begun(proposes: number, more: Partial<ValidatorOptions> = {}): TestValidator {
  const probe = new TestValidator({ names: NAMES, me: "ann" })
  const me = probe.proposerOf(proposes)
  const one = new TestValidator({ names: NAMES, me, ...more })
  one.consensus.start()
  for (const peer of others(one)) one.consensus.vouch(peer as never, [])
  one.consensus.begin()
  return one
}

const others = (one: TestValidator) => NAMES.filter((name) => name !== one.consensus.state.me)
const [FIRST, SECOND, THIRD] = [0, 1, 2]

/** Votes of the others, so many of them. */
function hear(one: TestValidator, type: "prevote" | "precommit", round: number, value: typeof A | null, count: number) {
  for (const voter of others(one).slice(0, count)) one.consensus.hearVote(one.vote(voter, type, round, value))
}

describe("a validator", () => {
  it("decides with the others: one proposal, its votes as it hears them, the next height", () => {
    const one = begun(FIRST)
    assert.deepEqual(one.news(), ["wanted 0 0"])
    one.consensus.propose(0, 0, A)
    assert.deepEqual(one.news(), ["say proposal 0 a", "say prevote 0 a"])
    hear(one, "prevote", 0, A, 2)
    assert.deepEqual(one.news(), ["say precommit 0 a"])
    hear(one, "precommit", 0, A, 2)
    assert.deepEqual(one.news(), ["decided 0 0 a"])
    const [block] = one.blocks
    assert.equal(block!.proposal.value, A)
    assert.deepEqual(
      block!.commit.map(({ voter }) => voter).sort(),
      [one.consensus.state.me, ...others(one).slice(0, 2)].sort(),
    )
    assert.equal(one.consensus.state.round.height, 1)
    assert.equal(one.log.read()!.length < 100, true, "of a decided height the log has nothing")
  })

  it("decides what others did, by their commit", () => {
    const one = begun(SECOND)
    one.news()
    const commit = others(one).map((voter) => one.vote(voter, "precommit", 0, B))
    one.consensus.hearDecision(one.proposal(0, B), commit, true)
    assert.deepEqual(one.news(), ["decided 0 0 b"])
  })

  it("begins a height when more than a third of the power votes at it, and runs no timer before", () => {
    const one = new TestValidator({ names: NAMES, me: "ann" })
    one.consensus.start()
    hear(one, "prevote", 0, A, 1)
    assert.deepEqual([one.consensus.state.round.round, one.clock.next()], [-1, null])
    hear(one, "prevote", 0, A, 2)
    assert.equal(one.consensus.state.round.round, 0)
    assert.notEqual(one.clock.next(), null)
  })

  it("begins a height that others proved to be decided, and decides it", () => {
    const one = new TestValidator({ names: NAMES, me: "ann" })
    one.consensus.start()
    const commit = others(one).map((voter) => one.vote(voter, "precommit", 3, B))
    one.consensus.hearDecision(one.proposal(3, B), commit, true)
    assert.equal(one.news().at(-1), "decided 0 3 b")
  })

  it("proposes a value that came after the timer of its step, and after its own prevote (D8)", () => {
    const one = begun(FIRST)
    one.clock.advance(TIMEOUT_MS)
    assert.deepEqual(one.news(), ["wanted 0 0", "say prevote 0 nil"])
    one.consensus.propose(0, 0, A)
    assert.deepEqual(one.news(), ["say proposal 0 a"])
    one.consensus.propose(0, 0, B)
    assert.deepEqual(one.news(), [])
  })

  it("takes a timer that is asked for twice for one", () => {
    const one = begun(SECOND)
    hear(one, "precommit", 0, null, 3)
    hear(one, "prevote", 0, null, 3)
    one.news()
    // The timer of the precommits was asked for at each threshold: of those of nil, and of any.
    one.clock.advance(TIMEOUT_MS)
    assert.equal(one.consensus.state.round.round, 1)
    assert.equal(one.news().filter((what) => what.startsWith("wanted 0 1")).length, 1)
    one.clock.advance(TIMEOUT_MS)
    assert.equal(one.consensus.state.round.round, 1, "what was asked for in round 0 does nothing in round 1")
    assert.equal(one.clock.next(), null)
  })

  it("sends the polka with a value that it proposes again, and counts the polka first when it hears one", () => {
    const one = begun(SECOND)
    one.consensus.hearProposal(one.proposal(0, A), null, true)
    const third = one.proposerOf(THIRD)
    for (const voter of others(one).filter((name) => name !== third)) {
      one.consensus.hearVote(one.vote(voter, "prevote", 0, A))
    }
    hear(one, "precommit", 0, null, 3)
    one.clock.advance(TIMEOUT_MS)
    assert.deepEqual(one.news(), [
      "say prevote 0 a",
      "say precommit 0 a",
      "say proposal 1 a with the polka of 0",
      "say prevote 1 a",
    ])
    const again = one.said.find((message) => message.kind === "proposal")!
    const polka = again.kind === "proposal" ? again.polka! : []
    assert.ok(polka.length >= 3 && polka.every(({ signature }) => signature.length === 64))

    const other = begun(THIRD)
    hear(other, "precommit", 0, null, 3)
    other.clock.advance(TIMEOUT_MS)
    assert.equal(other.consensus.state.round.round, 1)
    other.news()
    other.consensus.hearProposal(other.proposal(1, A, 0), polka, true)
    assert.deepEqual(other.news(), ["say prevote 1 a"])
  })

  it("says nothing of what is still on its way to it when it is stopped: the next one has the key", () => {
    const one = begun(SECOND)
    const stopped = one.consensus
    one.restart()
    const { said } = one
    assert.equal(stopped.hearProposal(one.proposal(0, A), null, true), false)
    for (const voter of others(one)) assert.equal(stopped.hearVote(one.vote(voter, "prevote", 0, A)), false)
    assert.deepEqual(one.news(), [])
    assert.deepEqual(said, [])
  })

  it("says after a restart the same bytes again, or passes on what it said", () => {
    const one = begun(SECOND)
    one.consensus.hearProposal(one.proposal(0, A), null, true)
    hear(one, "prevote", 0, A, 2)
    const before = one.said
    assert.deepEqual(one.news(), ["say prevote 0 a", "say precommit 0 a"])
    one.clock.advance(100)
    assert.deepEqual(one.restart(), [])
    for (const peer of others(one)) one.consensus.vouch(peer as never, [])
    // The last thing it said was not in the log yet, as nothing had followed from it.
    assert.deepEqual(one.news(), ["say precommit 0 a"])
    const own = [...one.recalled, ...one.said].filter((message) => {
      return message.kind === "vote" && message.vote.voter === one.consensus.state.me
    })
    assert.deepEqual(own, before)
    hear(one, "precommit", 0, A, 2)
    assert.deepEqual(one.news(), ["decided 0 0 a"])
  })

  it("asks again for a value that did not come before a restart", () => {
    const one = begun(FIRST)
    // Only what something was said after is in the log: so it begins again.
    assert.deepEqual(one.restart(), [])
    one.consensus.begin()
    assert.deepEqual(one.news(), ["wanted 0 0"])
    hear(one, "prevote", 0, null, 3)
    for (const peer of others(one)) one.consensus.vouch(peer as never, [])
    one.clock.advance(TIMEOUT_MS)
    one.news()
    assert.deepEqual(one.restart(), ["wanted 0 0"])
  })

  it("decides again after a restart what was decided and is not on the disk", () => {
    const one = begun(SECOND)
    const proposal = one.proposal(0, A)
    one.consensus.hearProposal(proposal, null, true)
    hear(one, "prevote", 0, A, 3)
    // The disk of the blocks fails: what had been said so far is in the log.
    one.blocks.push = () => {
      throw new Error("the disk of the blocks is gone")
    }
    assert.throws(() => hear(one, "precommit", 0, A, 3), /disk of the blocks is gone/)
    assert.match(one.news().at(-1)!, /^halted the disk/)
    Reflect.deleteProperty(one.blocks, "push")
    one.restart()
    hear(one, "precommit", 0, A, 3)
    assert.equal(one.news().at(-1), "decided 0 0 a")
  })

  it("halts at an error of its disk: nothing leaves, and nothing is taken until it is started again", () => {
    let isFull = false
    const log = new VirtualFile((act) => {
      if (isFull) throw new Error("no room")
      act()
    })
    const one = begun(SECOND, { log })
    one.news()
    isFull = true
    assert.throws(() => one.consensus.hearProposal(one.proposal(0, A), null, true), /no room/)
    assert.deepEqual(one.news(), ["halted no room"])
    isFull = false
    assert.throws(() => hear(one, "prevote", 0, A, 1), /no room/)
    one.clock.advance(TIMEOUT_MS)
    assert.deepEqual(one.news(), [])
    assert.equal(one.said.length, 0)
  })

  it("tells of an error that a timer met to whoever looks after it, and throws nothing into the clock", () => {
    let isFull = false
    const signed = new VirtualFile((act) => {
      if (isFull) throw new Error("no room")
      act()
    })
    const one = begun(SECOND, { signed })
    one.news()
    isFull = true
    one.clock.advance(TIMEOUT_MS)
    assert.deepEqual(one.news(), ["halted no room"])
  })

  it("takes of one validator no flood of votes for rounds to come, and with time more of them", () => {
    const one = begun(SECOND)
    one.news()
    const [liar, other] = others(one)
    let taken = 0
    for (let round = 1; round <= 5000; round++) {
      if (one.consensus.hearVote(one.vote(liar!, "prevote", round, A))) taken++
    }
    assert.equal(taken, CONSENSUS_AHEAD_VOTES_BURST)
    one.clock.advance(500)
    assert.equal(one.consensus.hearVote(one.vote(liar!, "prevote", 6000, A)), true)
    assert.equal(one.consensus.hearVote(one.vote(other!, "prevote", 1, null)), true)
    one.clock.advance(TIMEOUT_MS)
    assert.deepEqual(one.news(), ["say prevote 0 nil"])
    assert.ok(one.log.read()!.length < 20_000, `${one.log.read()!.length} bytes`)
  })

  it("says nothing more at a height whose log has no room, follows, and speaks again at the next", () => {
    let isFull = true
    class SmallWal extends Wal {
      override append(record: Uint8Array): boolean {
        return !isFull && super.append(record)
      }
    }
    const one = begun(SECOND, { wal: (file) => new SmallWal(file, CHAIN_ID) })
    one.news()
    one.clock.advance(TIMEOUT_MS)
    isFull = false
    one.consensus.hearProposal(one.proposal(0, A), null, true)
    hear(one, "prevote", 0, A, 3)
    assert.deepEqual(one.news(), ["unsigned prevote 0 WAL_FULL", "unsigned precommit 0 WAL_FULL"])
    hear(one, "precommit", 0, A, 3)
    assert.deepEqual(one.news(), ["decided 0 0 a"])
    one.consensus.begin()
    one.clock.advance(TIMEOUT_MS)
    assert.match(one.news().join(), /say prevote 0 nil/)
  })

  it("does not start on a log that ends before what it signed follows from: WAL_DAMAGED", () => {
    const one = begun(SECOND)
    one.clock.advance(TIMEOUT_MS)
    const log = one.log.read()!
    one.log.replace(log.slice(0, log.length - 1))
    assert.throws(() => one.restart(), { code: "WAL_DAMAGED", message: /before what a signature follows from/ })
  })

  it("does not start on a log whose entries do not follow from each other: WAL_DAMAGED", () => {
    const one = begun(SECOND)
    hear(one, "prevote", 0, null, 1)
    one.clock.advance(TIMEOUT_MS)
    const strange = new TestValidator({ names: ["eve", "fay"], me: "eve" })
    strange.log.replace(one.log.read()!)
    assert.throws(() => strange.consensus.start(), { code: "WAL_DAMAGED", message: /does not follow/ })
  })
})

describe("a validator after a start", () => {
  const proposed = (one: TestValidator) => one.consensus.hearProposal(one.proposal(0, A), null, true)
  const made = () => {
    const one = new TestValidator({ names: NAMES, me: new TestValidator({ names: NAMES, me: "ann" }).proposerOf(1) })
    one.consensus.start()
    one.consensus.begin()
    return one
  }

  it("signs nothing until a quorum, itself included, said what it holds of its votes; then what it kept", () => {
    const one = made()
    const [first, second] = others(one)
    assert.equal(one.consensus.isWaitingForPeers, true)
    proposed(one)
    one.consensus.vouch(first as never, [])
    one.consensus.vouch(first as never, [])
    one.consensus.vouch("a stranger" as never, [])
    assert.deepEqual(one.news(), [])
    one.consensus.vouch(second as never, [])
    assert.deepEqual(one.news(), ["say prevote 0 a"])
    assert.equal(one.consensus.isWaitingForPeers, false)
  })

  it("asks nobody where it is the only one", () => {
    const alone = new TestValidator({ names: ["ann"], me: "ann" })
    alone.consensus.start()
    alone.consensus.begin()
    alone.consensus.propose(0, 0, A)
    assert.deepEqual(alone.news(), [
      "wanted 0 0",
      "say proposal 0 a",
      "say prevote 0 a",
      "say precommit 0 a",
      "decided 0 0 a",
    ])
  })

  it("keeps what it wanted to say in many rounds only as far as it is the newest", () => {
    const one = made()
    for (let round = 0; round < 20; round++) {
      hear(one, "precommit", round, null, 3)
      one.clock.advance(TIMEOUT_MS)
    }
    const { round } = one.consensus.state.round
    assert.equal(round, 20)
    one.news()
    for (const peer of others(one)) one.consensus.vouch(peer as never, [])
    assert.ok(one.news().length <= 8)
  })

  it("lets its key die at a vote of its own that it has no record of, wherever it comes from", () => {
    for (const by of ["vouch", "vote", "polka", "commit"] as const) {
      const one = made()
      const [first] = others(one)
      const stray = one.vote(one.consensus.state.me, "prevote", 0, B)
      const signers = [stray, ...others(one).map((peer) => one.vote(peer, "prevote", 0, B))]
      if (by === "vouch") one.consensus.vouch(first as never, [{ kind: "vote", vote: stray }])
      else if (by === "vote") one.consensus.hearVote(stray)
      else if (by === "polka") one.consensus.hearProposal(one.proposal(2, B, 0), signers, true)
      else one.consensus.hearDecision(one.proposal(0, B), signers, true)
      assert.match(one.news().join(), /^dead a prevote of height 0, round 0 is signed with it/)
      for (const peer of others(one)) one.consensus.vouch(peer as never, [])
      proposed(one)
      one.clock.advance(TIMEOUT_MS)
      assert.equal(one.said.length, 0)
      assert.match(one.news().join(), /unsigned \w+ 0 KEY_DEAD/)
      assert.match(one.restart().join(), /^dead a prevote/)
    }
  })

  it("lets its key die at a proposal of its own that it has no record of", () => {
    for (const by of ["vouch", "proposal"] as const) {
      const me = new TestValidator({ names: NAMES, me: "ann" }).proposerOf(0)
      const one = new TestValidator({ names: NAMES, me })
      one.consensus.start()
      one.consensus.begin()
      const proposal = one.proposal(0, B)
      const stray = { kind: "proposal", proposal, polka: null } as const
      if (by === "vouch") one.consensus.vouch(others(one)[0] as never, [stray])
      else one.consensus.hearProposal(proposal, null, true)
      assert.match(one.news().join(), /dead a proposal of height 0, round 0/)
    }
  })

  it("lives with votes of its own that it made", () => {
    const one = begun(SECOND)
    proposed(one)
    const own = one.said.flatMap((message) => (message.kind === "vote" ? [message.vote] : []))
    one.restart()
    for (const peer of others(one)) one.consensus.vouch(peer as never, [{ kind: "vote", vote: own[0]! }])
    assert.deepEqual(
      one.news().filter((what) => what.startsWith("dead")),
      [],
    )
  })

  it("finds that its disk was put back to an older one", () => {
    const one = begun(SECOND)
    const [signed, log] = [one.signed.read()!, one.log.read()!]
    one.clock.advance(TIMEOUT_MS)
    const newest = one.said.flatMap((message) => (message.kind === "vote" ? [message.vote] : [])).at(-1)!
    one.signed.replace(signed)
    one.log.replace(log)
    one.restart()
    one.consensus.begin()
    const [first, ...rest] = others(one)
    one.consensus.vouch(first as never, [{ kind: "vote", vote: newest }])
    for (const peer of rest) one.consensus.vouch(peer as never, [])
    one.clock.advance(TIMEOUT_MS)
    assert.match(one.news().join(), /dead a prevote of height 0, round 0/)
    assert.equal(one.said.length, 0)
  })
})
