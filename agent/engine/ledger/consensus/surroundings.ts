import type { drive } from "../../../core/consensus/driver/driver.ts"
import type {
  SignedDoubleVote,
  SignedMessage,
  SignedProposal,
  SignedVote,
  Slot,
} from "../../../core/consensus/message.ts"
import type { SignRefusal } from "../../../core/consensus/sign-state.ts"
import type { Height, Round, TimeoutStep, ValueId } from "../../../core/consensus/terms.ts"
import type { ValidatorSet } from "../../../core/consensus/validators.ts"
import type { Clock } from "../../../ports/clock.ts"
import type { Signer } from "./signer.ts"
import type { Wal } from "./wal.ts"

/** A height and who decides it. */
export interface NextHeight {
  readonly height: Height
  readonly validators: ValidatorSet
  /** ms since epoch: the time of the last block's header; 0 where there is none. A vote's time is later. */
  readonly lastTimeMs: number
}

/** What is decided, with all that proves it. */
export interface Decision {
  readonly height: Height
  readonly round: Round
  readonly value: ValueId
  readonly proposal: SignedProposal
  readonly commit: readonly SignedVote[]
}

/** The blocks: what consensus agrees on and knows by id alone. */
export interface Chain {
  /** The height that follows everything that is on the disk. */
  next(): NextHeight
  /** Asks for a value to propose; `Consensus.propose` takes it, and may never be called. */
  wanted(height: Height, round: Round): void
  /**
   * Makes the decided block durable, then calls `Consensus.advance`. After a crash in between it is told again.
   * Its content is on the disk before its proposal is given to `Consensus.hear`.
   */
  decided(decision: Decision): void
}

/** The way to the other validators. What is said twice is said once: nobody loses what a crash kept back. */
export interface Gossip {
  /** Sends it to everybody, and to whoever lacks it until the height is decided. */
  say(message: SignedMessage): void
  /** What was heard before a restart, to be passed on to whoever lacks it. */
  recall(message: SignedMessage): void
}

/** What is to be told to people and to the ledger. */
export interface Notices {
  evidence(evidence: SignedDoubleVote): void
  /** Not signed: it was signed otherwise or is of the past, the key is dead, or the log has no room. */
  unsigned(what: Slot & { readonly code: SignRefusal | "WAL_FULL" }): void
  /** The key signs nothing more. @param why a sentence */
  dead(why: string): void
  /** It does nothing any more until it is started again. */
  halted(error: Error): void
}

export interface Surroundings {
  readonly signer: Signer
  readonly wal: Wal
  readonly clock: Clock
  readonly chain: Chain
  readonly gossip: Gossip
  readonly notices: Notices
  /** 32 bytes */
  readonly chainId: Uint8Array
  /** This validator's address. */
  readonly me: string
  /** How long each step of a round is waited for, ms; it grows from round to round. */
  timeoutMs(step: TimeoutStep, round: Round): number
  /** The driver; a simulation breaks it on purpose. */
  readonly drive: typeof drive
}
