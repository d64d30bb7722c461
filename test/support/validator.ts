import { drive } from "../../agent/core/consensus/driver/driver.ts"
import type { SignedMessage, SignedProposal, SignedVote } from "../../agent/core/consensus/message.ts"
import { proposalBytes, voteBytes } from "../../agent/core/consensus/message.ts"
import { genesisValidators, nextValidators } from "../../agent/core/consensus/rotation.ts"
import { type Address, NO_ROUND, type Round, type ValueId, type VoteType } from "../../agent/core/consensus/terms.ts"
import type { ValidatorSet } from "../../agent/core/consensus/validators.ts"
import { Consensus } from "../../agent/engine/ledger/consensus/consensus.ts"
import { createSignState, openSigner } from "../../agent/engine/ledger/consensus/signer.ts"
import type { Decision } from "../../agent/engine/ledger/consensus/surroundings.ts"
import { Wal } from "../../agent/engine/ledger/consensus/wal.ts"
import type { ConsensusKey } from "../../agent/ports/consensus-key.ts"
import type { DurableFile } from "../../agent/ports/durable-file.ts"
import { VirtualFile } from "../sim/chain/disk.ts"
import { hashKey } from "./consensus-key.ts"
import { FakeClock } from "./fake-clock.ts"

export const CHAIN_ID = new Uint8Array(32).fill(7)
export const TIMEOUT_MS = 1000

/** A value by one hex digit. */
export const valueOf = (digit: string) => digit.repeat(64) as ValueId

export interface ValidatorOptions {
  /** Everybody, of one unit of power each. */
  readonly names: readonly string[]
  readonly me: string
  readonly key?: (name: string) => ConsensusKey
  readonly signed?: DurableFile
  readonly log?: DurableFile
  readonly wal?: (log: DurableFile) => Wal
  /** How long the next timer runs; TIMEOUT_MS each by default. */
  readonly timeoutMs?: () => number
}

/** One validator whose world is in the hands of a test: what it says and asks for is in `events`, in order. */
export class TestValidator {
  readonly clock = new FakeClock()
  readonly signed: DurableFile
  readonly log: DurableFile
  /** `say …`, `wanted …`, `decided …`, `evidence …`, `unsigned …`, `dead …`, `halted …`. */
  events: string[] = []
  said: SignedMessage[] = []
  recalled: SignedMessage[] = []
  blocks: Decision[] = []
  consensus: Consensus
  readonly #key: (name: string) => ConsensusKey
  readonly #me: string
  readonly #timeoutMs: () => number
  readonly #wal: (log: DurableFile) => Wal
  readonly #sets: ValidatorSet[]

  constructor({
    names,
    me,
    key = hashKey,
    signed = new VirtualFile(),
    log = new VirtualFile(),
    ...more
  }: ValidatorOptions) {
    this.#key = key
    this.#me = me
    this.#timeoutMs = more.timeoutMs ?? (() => TIMEOUT_MS)
    this.#wal = more.wal ?? ((file) => new Wal(file, CHAIN_ID))
    this.signed = signed
    this.log = log
    this.#sets = [genesisValidators(names.map((name) => ({ address: name as Address, power: 1n })))]
    createSignState({ key: key(me), chain: CHAIN_ID, file: signed })
    this.consensus = this.#made()
  }

  /** All that was in memory is gone. @returns what it said and asked for when it was started */
  restart(): readonly string[] {
    this.consensus.stop()
    this.events = []
    this.said = []
    this.recalled = []
    this.consensus = this.#made()
    this.consensus.start()
    return this.events
  }

  /** What happened since the last look. */
  news(): readonly string[] {
    const { events } = this
    this.events = []
    return events
  }

  vote(voter: string, type: VoteType, round: Round, value: ValueId | null, height = this.height): SignedVote {
    const vote = { type, height, round, value, voter: voter as Address, timeMs: this.clock.now() }
    return { ...vote, signature: this.#key(voter).sign(voteBytes(CHAIN_ID, vote)) }
  }

  proposal(round: Round, value: ValueId, polRound: Round = NO_ROUND): SignedProposal {
    const proposer = this.proposerOf(round)
    const proposal = { height: this.height, round, value, polRound, proposer }
    return { ...proposal, signature: this.#key(proposer).sign(proposalBytes(CHAIN_ID, proposal)) }
  }

  proposerOf(round: Round): Address {
    let set = this.#set
    for (let i = 0; i < round; i++) set = nextValidators(set, [])
    return set.proposer
  }

  get height(): number {
    return this.blocks.length
  }

  get #set(): ValidatorSet {
    while (this.#sets.length <= this.height) this.#sets.push(nextValidators(this.#sets.at(-1)!, []))
    return this.#sets[this.height]!
  }

  #made(): Consensus {
    const tell = (...words: readonly unknown[]) => this.events.push(words.join(" "))
    return new Consensus({
      signer: openSigner({ key: this.#key(this.#me), chain: CHAIN_ID, file: this.signed }),
      wal: this.#wal(this.log),
      clock: this.clock,
      chainId: CHAIN_ID,
      me: this.#me,
      timeoutMs: () => this.#timeoutMs(),
      drive,
      chain: {
        next: () => ({
          height: this.height,
          validators: this.#set,
          lastTimeMs: Math.max(0, ...(this.blocks.at(-1)?.commit ?? []).map(({ timeMs }) => timeMs)),
        }),
        wanted: (height, round) => tell("wanted", height, round),
        decided: (decision) => {
          tell("decided", decision.height, decision.round, decision.value[0])
          this.blocks.push(decision)
          this.consensus.advance()
        },
      },
      gossip: {
        say: (message) => {
          this.said.push(message)
          tell("say", wordsOf(message))
        },
        recall: (message) => this.recalled.push(message),
      },
      notices: {
        evidence: ({ first }) => tell("evidence", first.voter),
        unsigned: ({ step, round, code }) => tell("unsigned", step, round, code),
        dead: (why) => tell("dead", why),
        halted: (error) => tell("halted", error.message),
      },
    })
  }
}

function wordsOf(message: SignedMessage): string {
  if (message.kind === "vote") return `${message.vote.type} ${message.vote.round} ${message.vote.value?.[0] ?? "nil"}`
  const { round, value, polRound } = message.proposal
  const polka = message.polka === null ? "" : ` with the polka of ${polRound}`
  return `proposal ${round} ${value[0]}${polka}`
}
