/*
 * A validator: drives core/consensus through ports. What happens, and what is on the disk before what follows from it
 * (docs/spec/consensus.md#runner):
 *
 * | rule | what                                  | before                                              |
 * |------|---------------------------------------|-----------------------------------------------------|
 * | E1   | inputs on the disk, in their order     | anything is signed that follows from them           |
 * | E2   | the sign-state on the disk             | its signature leaves                                |
 * | E3   | the decided block on the disk          | the next height, and the log of this one is dropped |
 * | E4   | peers said what they hold of its votes | anything is signed after a start                    |
 */
import { Allowances } from "../../../base/allowances.ts"
import { messageOf } from "../../../base/errors.ts"
import {
  CONSENSUS_AHEAD_VOTES_BURST,
  CONSENSUS_AHEAD_VOTES_PER_S,
  VALIDATORS_MAX,
} from "../../../base/network-limits.ts"
import { proposalRefusal } from "../../../core/consensus/driver/driver.ts"
import type { DriverInput } from "../../../core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../core/consensus/driver/output.ts"
import { type DriverState, hasStarted, newDriver } from "../../../core/consensus/driver/state.ts"
import {
  type SignedDoubleVote,
  type SignedMessage,
  type SignedProposal,
  type SignedVote,
  signerOf,
} from "../../../core/consensus/message.ts"
import { proposers } from "../../../core/consensus/rotation.ts"
import { type Address, NO_ROUND, type Proposal, type Round, type ValueId } from "../../../core/consensus/terms.ts"
import { powerOf } from "../../../core/consensus/validators.ts"
import { certificate, roundAhead } from "../../../core/consensus/votes/keeper.ts"
import { InputLog } from "./input-log.ts"
import type { LogEntry } from "./log-entry.ts"
import type { NextHeight, Surroundings } from "./surroundings.ts"
import { Timers } from "./timers.ts"
import { Voice, type Wanted } from "./voice.ts"
import { damaged } from "./wal.ts"

type DecisionOutput = Extract<DriverOutput, { kind: "decision" }>

/**
 * One validator on one chain. Who is none at a height says nothing there, and follows.
 * Every call is done when it returns. After one that threw the validator has halted, and every call throws.
 */
export class Consensus {
  readonly #around: Surroundings
  readonly #me: Address
  readonly #timers: Timers
  /** A correct one brings a few a second at most, a faulty one would fill the log (W6). */
  readonly #ahead = new Allowances(CONSENSUS_AHEAD_VOTES_BURST, CONSENSUS_AHEAD_VOTES_PER_S, VALIDATORS_MAX)
  readonly #log: InputLog
  readonly #voice: Voice
  #next: NextHeight
  #state: DriverState
  #proposer: (round: Round) => Address
  #isReplaying = false
  #decision: DecisionOutput | null = null
  /** What is still on its way to it then is not heard: the next one has the key. */
  #isStopped = false
  /** What failed: nothing is done after that. */
  #failure: Error | null = null

  constructor(around: Surroundings) {
    this.#around = around
    this.#me = around.me as Address
    this.#log = new InputLog(around.wal)
    this.#voice = new Voice(around, this.#log)
    this.#timers = new Timers(around.clock, (input) => this.#elapsed(input))
    this.#next = around.chain.next()
    this.#state = newDriver(this.#me, this.#next.height, this.#next.validators)
    this.#proposer = proposers(this.#next.validators)
  }

  /** The driver as it is; for whoever looks on. */
  get state(): DriverState {
    return this.#state
  }

  /** Peers must still say what they hold of this validator's votes (E4). */
  get isWaitingForPeers(): boolean {
    return !this.#voice.maySign
  }

  /**
   * Goes on from the disk: what the log holds happens again, and what was to be said is said again.
   * @throws ValidatorError WAL_DAMAGED, DiskError
   */
  start(): void {
    this.#guarded(() => {
      const { signer, notices } = this.#around
      const { height } = this.#next
      const entries = this.#log.open(height)
      if (signer.state.height === height && signer.state.logged > this.#log.synced) {
        throw damaged(this.#log.synced, "it ends before what a signature follows from")
      }
      if (signer.state.dead !== null) notices.dead(signer.state.dead)
      this.#replay(entries)
      this.#vouched(null)
    })
  }

  /**
   * The height begins, because there is something to decide (D1). It begins by itself where others see that there is: more
   * than a third of the power votes at it. Again, or after a restart in its midst, this does nothing.
   */
  begin(): void {
    if (!hasStarted(this.#state)) this.#guarded(() => this.#take({ kind: "start" }))
  }

  /** @param vote its signature was verified @returns whether it was taken: then it is for everybody */
  hearVote(vote: SignedVote): boolean {
    return this.#guarded(() => {
      this.#voice.lookAt({ kind: "vote", vote })
      if (!this.#hasRoomFor(vote)) return false
      const isTaken = this.#take({ kind: "vote", vote })
      if (!hasStarted(this.#state) && roundAhead(this.#state.votes, NO_ROUND) !== null) this.begin()
      return isTaken
    })
  }

  /** Whether it would count, whatever its block is: so that nothing is done for one that does not. */
  wants(proposal: SignedProposal): boolean {
    return proposalRefusal(this.#state, proposal, this.#proposer) === null
  }

  /**
   * @param proposal its signature and those of the polka were verified, and its block is on the disk
   * @param valid what the ledger says of the block
   * @returns whether it was taken
   */
  hearProposal(proposal: SignedProposal, polka: readonly SignedVote[] | null, valid: boolean): boolean {
    return this.#guarded(() => {
      // A polka that is none is no reason to refuse the proposal: it waits for a better one.
      this.#voice.lookAt({ kind: "proposal", proposal, polka })
      if (polka !== null) this.#hearCertificate(polka)
      return this.#take({ kind: "proposal", proposal, valid })
    })
  }

  /** What others decided at this height, of who is further. As `hearProposal`. */
  hearDecision(proposal: SignedProposal, commit: readonly SignedVote[], valid: boolean): void {
    this.#guarded(() => {
      this.begin()
      this.#hearCertificate(commit)
      this.#take({ kind: "proposal", proposal, valid })
    })
  }

  /** The value that `Chain.wanted` asked for. It may be late: then it is not proposed. */
  propose(height: number, round: Round, value: ValueId): void {
    this.#guarded(() => this.#take({ kind: "value", height, round, value }))
  }

  /**
   * E4: a peer says what it holds that this validator said. What the sign-state does not know was signed by somebody else
   * with this key, or before an older disk was put in the place of the newest: the key dies (G7).
   * @param peer whoever it is was verified
   * @param newest its newest vote and its newest proposal, as far as the peer has them; their signatures were verified
   */
  vouch(peer: Address, newest: readonly SignedMessage[]): void {
    this.#guarded(() => {
      for (const message of newest) this.#voice.lookAt(message)
      if (!this.#isStopped) this.#vouched(peer)
    })
  }

  /** E3: the block of this height is on the disk. */
  advance(): void {
    this.#guarded(() => {
      const next = this.#around.chain.next()
      if (next.height <= this.#next.height) throw new RangeError(`height ${next.height} was decided already`)
      this.#timers.clear()
      this.#voice.forget()
      this.#ahead.clear()
      this.#decision = null
      this.#log.rotate(next.height)
      this.#next = next
      this.#state = newDriver(this.#me, next.height, next.validators)
      this.#proposer = proposers(next.validators)
      this.#vouched(null)
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timers.clear()
    this.#log.close()
    this.#around.signer.close()
  }

  /** W6. */
  #hasRoomFor({ voter, round }: SignedVote): boolean {
    const isAhead = round > Math.max(0, this.#state.round.round) && powerOf(this.#next.validators, voter) > 0n
    return !isAhead || this.#ahead.take(voter, this.#now())
  }

  #hearCertificate(votes: readonly SignedVote[]): void {
    for (const vote of votes) this.#voice.lookAt({ kind: "vote", vote })
    this.#take({ kind: "certificate", votes })
  }

  /** An input and everything that follows from it, own messages too. @returns whether it was taken */
  #take(input: DriverInput): boolean {
    if (this.#isStopped) return false
    const isTaken = this.#step({ timeMs: this.#now(), input })
    this.#hearOwn()
    return isTaken
  }

  /** D9. */
  #hearOwn(): void {
    for (let own = this.#voice.heard(); own !== undefined; own = this.#voice.heard()) {
      const input: DriverInput = own.kind === "vote" ? own : { kind: "proposal", proposal: own.proposal, valid: true }
      this.#step({ timeMs: this.#now(), input })
    }
  }

  #step(entry: LogEntry): boolean {
    const before = this.#state
    const { state, outputs, refused } = this.#around.drive(before, entry.input, this.#proposer)
    if (refused !== null) return false
    this.#state = state
    if (!this.#isReplaying) this.#log.add(entry, before, state, outputs)
    if (state.round.round !== before.round.round) this.#timers.forgetBefore(state.round.round)
    for (const output of outputs) this.#act(output, entry.timeMs)
    return true
  }

  #act(output: DriverOutput, timeMs: number): void {
    switch (output.kind) {
      case "get-value":
        // Asking for a value starts the timer too: a value may be long in coming (R1).
        this.#timers.start("propose", output.height, output.round, this.#around.timeoutMs("propose", output.round))
        if (!this.#isReplaying) this.#around.chain.wanted(output.height, output.round)
        return
      case "timeout":
        return this.#timers.start(
          output.step,
          output.height,
          output.round,
          this.#around.timeoutMs(output.step, output.round),
        )
      case "vote":
      case "proposal":
        return this.#say({ say: output, timeMs: Math.max(timeMs, this.#next.lastTimeMs + 1) })
      case "evidence":
        return this.#around.notices.evidence(output.evidence as SignedDoubleVote)
      case "decision":
        this.#decision = output
        if (!this.#isReplaying) this.#decide(output)
        return
    }
  }

  #say(wanted: Wanted): void {
    if (this.#voice.maySign && !this.#isReplaying) this.#voice.say(wanted)
    else this.#voice.withhold(wanted)
  }

  #decide({ height, round, value, commit }: DecisionOutput): void {
    const proposal = this.#state.proposals.find((one) => one.round === round && one.value === value)
    // The driver gives back the very objects that it was given.
    this.#around.chain.decided({
      height,
      round,
      value,
      proposal: proposal as Proposal as SignedProposal,
      commit: commit as readonly SignedVote[],
    })
  }

  /** The log happens again: the same inputs give the same state, and the same bytes to be signed. */
  #replay(entries: readonly LogEntry[]): void {
    this.#isReplaying = true
    for (const [i, entry] of entries.entries()) {
      if (!this.#step(entry)) throw damaged(this.#log.synced, `its record ${i} does not follow`)
      this.#recall(entry.input)
    }
    this.#isReplaying = false
    const { asked, round } = this.#state
    if (this.#decision !== null) return this.#decide(this.#decision)
    if (asked) this.#around.chain.wanted(round.height, round.round)
  }

  /** What was said and heard before the restart needs no second signature, and is for who lacks it. */
  #recall(input: DriverInput): void {
    const message = messageIn(input, this.#state)
    if (message === null) return
    this.#around.gossip.recall(message)
    if (signerOf(message) === this.#me) this.#voice.wasSaid(message)
  }

  /** E4: it may be that it may sign now. */
  #vouched(peer: Address | null): void {
    this.#voice.vouch(peer, this.#next.validators)
    this.#voice.release()
    this.#hearOwn()
  }

  #now(): number {
    return this.#around.clock.now()
  }

  #elapsed(input: DriverInput): void {
    try {
      this.#guarded(() => this.#take(input))
    } catch (error) {
      // Who waits for a timer has nobody to throw to: `halted` was told.
      if (error !== this.#failure) throw error
    }
  }

  /** Consensus that failed once halts: what it would do next could be wrong. */
  #guarded<Result>(act: () => Result): Result {
    if (this.#failure !== null) throw this.#failure
    try {
      return act()
    } catch (error) {
      if (this.#failure === null) {
        this.#failure = error instanceof Error ? error : new Error(messageOf(error))
        this.#timers.clear()
        this.#around.notices.halted(this.#failure)
      }
      throw this.#failure
    }
  }
}

/** The message that an input was. */
function messageIn(input: DriverInput, { votes }: DriverState): SignedMessage | null {
  if (input.kind === "vote") return { kind: "vote", vote: input.vote as SignedVote }
  if (input.kind !== "proposal") return null
  const { polRound, value } = input.proposal
  const polka = polRound < 0 ? null : certificate(votes, polRound, "prevote", value)
  const proposal = input.proposal as SignedProposal
  return { kind: "proposal", proposal, polka: polka as readonly SignedVote[] | null }
}
