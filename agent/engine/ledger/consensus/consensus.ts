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
import { messageOf } from "../../../base/errors.ts"
import { CONSENSUS_WITHHELD_MAX } from "../../../base/limits.ts"
import type { DriverInput } from "../../../core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../core/consensus/driver/output.ts"
import { type DriverState, hasStarted, newDriver } from "../../../core/consensus/driver/state.ts"
import {
  proposalBytes,
  type SignedMessage,
  type SignedProposal,
  type SignedVote,
  type Slot,
  voteBytes,
} from "../../../core/consensus/message.ts"
import { proposers } from "../../../core/consensus/rotation.ts"
import { isBeyond } from "../../../core/consensus/sign-state.ts"
import type { Address, Proposal, Round, ValueId } from "../../../core/consensus/terms.ts"
import { isQuorum, powerOf } from "../../../core/consensus/validators.ts"
import { certificate } from "../../../core/consensus/votes/keeper.ts"
import { decodeEntry, encodeEntry, type LogEntry } from "./log-entry.ts"
import type { NextHeight, Surroundings } from "./surroundings.ts"
import { Timers } from "./timers.ts"
import { Unwritten } from "./unwritten.ts"
import { damaged } from "./wal.ts"

type Say = Extract<DriverOutput, { kind: "vote" | "proposal" }>
type DecisionOutput = Extract<DriverOutput, { kind: "decision" }>

/** What the driver wants said and is not signed yet. */
interface Withheld {
  readonly say: Say
  readonly timeMs: number
}

export class Consensus {
  readonly #around: Surroundings
  readonly #me: Address
  readonly #timers: Timers
  readonly #unwritten = new Unwritten()
  #next: NextHeight
  #state: DriverState
  #proposer: (round: Round) => Address
  /** Own messages that left and were not heard yet (D9). */
  #own: SignedMessage[] = []
  #withheld: Withheld[] = []
  /** Who said what it holds of our votes, after this start. */
  readonly #vouched = new Set<Address>()
  #maySign = false
  #isReplaying = false
  #decision: DecisionOutput | null = null
  /** The log of this height took something that it had no room for. */
  #isLogFull = false
  /** What stopped it: nothing is done after that. */
  #failure: Error | null = null

  constructor(around: Surroundings) {
    this.#around = around
    this.#me = around.me as Address
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
    return !this.#maySign
  }

  /**
   * Goes on from the disk: what the log holds happens again, and what was to be said is said again.
   * @throws ValidatorError WAL_DAMAGED, DiskError
   */
  start(): void {
    this.#guarded(() => {
      const { signer, wal, notices } = this.#around
      const { height } = this.#next
      const records = wal.open(height)
      if (signer.state.height === height && signer.state.logged > wal.synced) {
        throw damaged(wal.synced, "it ends before what a signature follows from")
      }
      if (signer.state.dead !== null) notices.dead(signer.state.dead)
      this.#replay(records)
      this.#vouchedAnew()
    })
  }

  /** The height begins: there is something to decide (D1). Again, or after a restart in its midst, it does nothing. */
  begin(): void {
    if (!hasStarted(this.#state)) this.#guarded(() => this.#take({ kind: "start" }))
  }

  /** @param vote its signature was verified @returns whether it was taken: then it is for everybody */
  hearVote(vote: SignedVote): boolean {
    return this.#guarded(() => {
      this.#lookAtOwn(vote)
      return this.#take({ kind: "vote", vote })
    })
  }

  /**
   * @param proposal its signature and those of the polka were verified, and its block is on the disk
   * @param valid what the ledger says of the block
   * @returns whether it was taken
   */
  hearProposal(proposal: SignedProposal, polka: readonly SignedVote[] | null, valid: boolean): boolean {
    return this.#guarded(() => {
      // A polka that is none is no reason to refuse the proposal: it waits for a better one.
      if (polka !== null) this.#take({ kind: "certificate", votes: polka })
      return this.#take({ kind: "proposal", proposal, valid })
    })
  }

  /** What others decided at this height, of who is further. As `hearProposal`. */
  hearDecision(proposal: SignedProposal, commit: readonly SignedVote[], valid: boolean): void {
    this.#guarded(() => {
      this.#take({ kind: "certificate", votes: commit })
      this.#take({ kind: "proposal", proposal, valid })
    })
  }

  /** The value that `Chain.wanted` asked for. It may be late: then it is not proposed. */
  propose(height: number, round: Round, value: ValueId): void {
    this.#guarded(() => this.#take({ kind: "value", height, round, value }))
  }

  /**
   * E4: a peer says what it holds of this validator's votes. A vote that the sign-state does not know was made by
   * somebody else with this key, or before an older disk was put in the place of the newest: the key dies.
   * @param peer whoever it is was verified
   * @param newest its signature was verified; null where the peer has none
   */
  vouch(peer: Address, newest: SignedVote | null): void {
    this.#guarded(() => {
      if (newest !== null) this.#lookAtOwn(newest)
      if (powerOf(this.#next.validators, peer) > 0n) this.#vouched.add(peer)
      this.#vouchedAnew()
    })
  }

  /** E3: the block of this height is on the disk. */
  advance(): void {
    this.#guarded(() => {
      const next = this.#around.chain.next()
      if (next.height <= this.#next.height) throw new RangeError(`height ${next.height} was decided already`)
      this.#timers.clear()
      this.#unwritten.clear()
      this.#own = []
      this.#withheld = []
      this.#decision = null
      this.#isLogFull = false
      this.#around.wal.rotate(next.height)
      this.#next = next
      this.#state = newDriver(this.#me, next.height, next.validators)
      this.#proposer = proposers(next.validators)
      this.#vouchedAnew()
    })
  }

  stop(): void {
    this.#timers.clear()
    this.#around.wal.close()
    this.#around.signer.close()
  }

  /** An input and everything that follows from it, own messages too. @returns whether it was taken */
  #take(input: DriverInput): boolean {
    const isTaken = this.#step({ timeMs: this.#now(), input })
    this.#hearOwn()
    return isTaken
  }

  /** D9. */
  #hearOwn(): void {
    for (let own = this.#own.shift(); own !== undefined; own = this.#own.shift()) {
      const input: DriverInput = own.kind === "vote" ? own : { kind: "proposal", proposal: own.proposal, valid: true }
      this.#step({ timeMs: this.#now(), input })
    }
  }

  #step(entry: LogEntry): boolean {
    const before = this.#state
    const { state, outputs, refused } = this.#around.drive(before, entry.input, this.#proposer)
    if (refused !== null) return false
    this.#state = state
    if (!this.#isReplaying) this.#note(entry, before, outputs)
    if (state.round.round !== before.round.round) this.#timers.forgetBefore(state.round.round)
    for (const output of outputs) this.#act(output, entry.timeMs)
    return true
  }

  #note(entry: LogEntry, before: DriverState, outputs: readonly DriverOutput[]): void {
    this.#unwritten.add(entry, before, this.#state, outputs)
    if (!this.#unwritten.isFull) return
    this.#unwritten.forget(this.#state)
    if (this.#unwritten.isFull) this.#write()
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
        if (this.#maySign && !this.#isReplaying) return this.#say({ say: output, timeMs })
        this.#withheld = [...this.#withheld, { say: output, timeMs }].slice(-CONSENSUS_WITHHELD_MAX)
        return
      case "evidence":
        return this.#around.notices.evidence(output.evidence)
      case "decision":
        this.#decision = output
        if (!this.#isReplaying) this.#decide(output)
        return
    }
  }

  /** E1, E2. */
  #say({ say, timeMs }: Withheld): void {
    const { signer, wal, gossip, notices } = this.#around
    const slot = slotOf(say)
    if (!this.#write()) return notices.unsigned(slot, "WAL_FULL")
    wal.sync()
    const { bytes, signedWith } = this.#readied(say, timeMs)
    const signed = signer.sign(slot, bytes, wal.synced)
    if (!signed.ok) return notices.unsigned(slot, signed.code)
    const message = signedWith(signed.signature)
    gossip.say(message)
    this.#own.push(message)
  }

  #readied(say: Say, timeMs: number): { bytes: Uint8Array; signedWith(signature: Uint8Array): SignedMessage } {
    const { chainId } = this.#around
    if (say.kind === "proposal") {
      const { proposal, polka } = say
      return {
        bytes: proposalBytes(chainId, proposal),
        signedWith: (signature) => ({
          kind: "proposal",
          proposal: { ...proposal, signature },
          polka: polka as readonly SignedVote[] | null,
        }),
      }
    }
    const vote = { ...say.vote, timeMs: Math.max(timeMs, this.#next.lastTimeMs + 1) }
    return {
      bytes: voteBytes(chainId, vote),
      signedWith: (signature) => ({ kind: "vote", vote: { ...vote, signature } }),
    }
  }

  /** @returns whether everything up to now is in the log */
  #write(): boolean {
    for (const entry of this.#unwritten.take(this.#state)) {
      if (!this.#isLogFull && !this.#around.wal.append(encodeEntry(entry))) this.#isLogFull = true
    }
    return !this.#isLogFull
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
  #replay(records: readonly Uint8Array[]): void {
    this.#isReplaying = true
    for (const [i, record] of records.entries()) {
      const entry = decodeEntry(record)
      if (entry === null || !this.#step(entry))
        throw damaged(this.#around.wal.synced, `its record ${i} does not follow`)
      this.#recall(entry.input)
    }
    this.#isReplaying = false
    const { asked, round } = this.#state
    if (this.#decision !== null) return this.#decide(this.#decision)
    if (asked) this.#around.chain.wanted(round.height, round.round)
  }

  /** What was said and heard before the restart needs no second signature, and is for who lacks it. */
  #recall(input: DriverInput): void {
    const { gossip } = this.#around
    if (input.kind === "vote") {
      gossip.recall({ kind: "vote", vote: input.vote as SignedVote })
      if (input.vote.voter === this.#me) this.#isSaid({ ...input.vote, step: input.vote.type })
    }
    if (input.kind === "proposal") {
      const { polRound, value } = input.proposal
      const polka = polRound < 0 ? null : certificate(this.#state.votes, polRound, "prevote", value)
      gossip.recall({
        kind: "proposal",
        proposal: input.proposal as SignedProposal,
        polka: polka as readonly SignedVote[] | null,
      })
      if (input.proposal.proposer === this.#me) this.#isSaid({ ...input.proposal, step: "proposal" })
    }
  }

  #isSaid({ height, round, step }: Slot): void {
    this.#withheld = this.#withheld.filter(({ say }) => {
      const slot = slotOf(say)
      return slot.height !== height || slot.round !== round || slot.step !== step
    })
  }

  /** E4, and G7: whoever made this vote was not us. */
  #lookAtOwn(vote: SignedVote): void {
    const { signer, notices, chainId } = this.#around
    if (vote.voter !== this.#me || signer.state.dead !== null) return
    if (!isBeyond(signer.state, vote, voteBytes(chainId, vote))) return
    const why = `a ${vote.type} of height ${vote.height}, round ${vote.round} is signed with it and is not on record here`
    signer.kill(why)
    notices.dead(why)
  }

  /** Says what it kept back, as soon as it may. */
  #vouchedAnew(): void {
    const { validators } = this.#next
    const heard = new Set(this.#vouched).add(this.#me)
    const weight = [...heard].reduce((sum, peer) => sum + powerOf(validators, peer), 0n)
    this.#maySign ||= isQuorum(weight, validators.total)
    if (!this.#maySign) return
    const withheld = this.#withheld
    this.#withheld = []
    for (const one of withheld) this.#say(one)
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

function slotOf(say: Say): Slot {
  return say.kind === "vote" ? { ...say.vote, step: say.vote.type } : { ...say.proposal, step: "proposal" }
}
