import { CONSENSUS_WITHHELD_MAX } from "../../../base/network-limits.ts"
import type { DriverOutput } from "../../../core/consensus/driver/output.ts"
import {
  messageBytes,
  proposalBytes,
  type SignedMessage,
  type SignedVote,
  signerOf,
  type Slot,
  slotOf,
  voteBytes,
} from "../../../core/consensus/message.ts"
import { isBeyond } from "../../../core/consensus/sign-state.ts"
import type { Address } from "../../../core/consensus/terms.ts"
import { isQuorum, powerOf, type ValidatorSet } from "../../../core/consensus/validators.ts"
import type { InputLog } from "./input-log.ts"
import type { Surroundings } from "./surroundings.ts"

export type Say = Extract<DriverOutput, { kind: "vote" | "proposal" }>

/** What the driver wants said, and the earliest time that a vote of it may carry, ms. */
export interface Wanted {
  readonly say: Say
  readonly timeMs: number
}

/** What a validator says: signed once, and only when it may be. */
export class Voice {
  readonly #around: Pick<Surroundings, "signer" | "gossip" | "notices" | "chainId">
  readonly #me: Address
  readonly #log: InputLog
  /** Said, and not heard by itself yet. */
  #unheard: SignedMessage[] = []
  #withheld: readonly Wanted[] = []
  /** Who said what it holds of our votes, after this start. */
  readonly #vouched = new Set<Address>()
  #maySign = false

  constructor(around: Surroundings, log: InputLog) {
    this.#around = around
    this.#me = around.me as Address
    this.#log = log
  }

  get maySign(): boolean {
    return this.#maySign
  }

  /** The oldest message that it said and did not hear (D9), which it has heard with that. */
  heard(): SignedMessage | undefined {
    return this.#unheard.shift()
  }

  /** Kept until `release`: the newest of it. */
  withhold(wanted: Wanted): void {
    this.#withheld = [...this.#withheld, wanted].slice(-CONSENSUS_WITHHELD_MAX)
  }

  /** The log has it: it was signed before a restart. */
  wasSaid(message: SignedMessage): void {
    const said = keyOf(slotOf(message))
    this.#withheld = this.#withheld.filter(({ say }) => keyOf(slotOf(say)) !== said)
  }

  /** Says what was withheld, if it may. */
  release(): void {
    if (!this.#maySign) return
    const withheld = this.#withheld
    this.#withheld = []
    for (const one of withheld) this.say(one)
  }

  /** E1, E2. */
  say({ say, timeMs }: Wanted): void {
    const { signer, gossip, notices, chainId } = this.#around
    const slot = slotOf(say)
    if (!this.#log.sync()) return notices.unsigned({ ...slot, code: "WAL_FULL" })
    const bytes =
      say.kind === "vote" ? voteBytes(chainId, { ...say.vote, timeMs }) : proposalBytes(chainId, say.proposal)
    const signed = signer.sign(slot, bytes, this.#log.synced)
    if (!signed.ok) return notices.unsigned({ ...slot, code: signed.code })
    const message = withSignature(say, timeMs, signed.signature)
    gossip.say(message)
    this.#unheard.push(message)
  }

  /** The height is decided: what was said at it needs no hearing. */
  forget(): void {
    this.#unheard = []
    this.#withheld = []
  }

  /** G7: a message with our signature that we cannot have made kills the key. */
  lookAt(message: SignedMessage): void {
    const { signer, notices, chainId } = this.#around
    if (signerOf(message) !== this.#me || signer.state.dead !== null) return
    const slot = slotOf(message)
    if (!isBeyond(signer.state, slot, messageBytes(chainId, message))) return
    const { height, round, step } = slot
    const why = `a ${step} of height ${height}, round ${round} is signed with it and is not on record here`
    signer.kill(why)
    notices.dead(why)
  }

  /** E4. @param peer who said what it holds; null where only the validators are others now */
  vouch(peer: Address | null, validators: ValidatorSet): void {
    if (peer !== null && powerOf(validators, peer) > 0n) this.#vouched.add(peer)
    const heard = new Set(this.#vouched).add(this.#me)
    const weight = [...heard].reduce((sum, one) => sum + powerOf(validators, one), 0n)
    this.#maySign ||= isQuorum(weight, validators.total)
  }
}

function withSignature(say: Say, timeMs: number, signature: Uint8Array): SignedMessage {
  if (say.kind === "vote") return { kind: "vote", vote: { ...say.vote, timeMs, signature } }
  // The driver gives back the very votes that it was given, which were signed.
  const polka = say.polka as readonly SignedVote[] | null
  return { kind: "proposal", proposal: { ...say.proposal, signature }, polka }
}

function keyOf({ height, round, step }: Slot): string {
  return `${height} ${round} ${step}`
}
