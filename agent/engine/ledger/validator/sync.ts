import { fromHex } from "../../../base/bytes.ts"
import { CHAIN_SYNC_EVERY_MS, STATE_SYNC_AHEAD_MIN } from "../../../base/network-limits.ts"
import { decidedMessage, headMessage, heldMessage } from "../../../core/chain/message.ts"
import type { Address } from "../../../core/consensus/terms.ts"
import type { Clock } from "../../../ports/clock.ts"
import type { Random } from "../../../ports/random.ts"
import { heightBytes, type Shell } from "./shell.ts"
import type { Validator } from "./validator.ts"

export interface SyncParts {
  readonly validator: Validator
  readonly shell: Shell
  readonly clock: Clock
  readonly random: Random
  /** This validator's consensus address. */
  readonly me: Address
  /** This peer says that it is so far ahead that its state is to be fetched: until that is believed this goes on. */
  behind(peer: string): void
  /** What is not foreseen: it asks nobody any more. */
  failed(error: unknown): void
}

const NONCE_BYTES = 32
/** Of how many rounds with a peer one asks where the chain stands: it costs two headers with their committees. */
const HEAD_EVERY = 30

/**
 * Asks for what was missed: who it is that lacks something knows best. Blocks that others decided, what they hold of the
 * height that is being decided, and after a start what they heard of this validator (E4).
 */
export class Sync {
  readonly #parts: SyncParts
  #cancel = () => {}
  #isOver = false
  #turn = 0
  /** How often each was. */
  readonly #asked = new Map<string, number>()

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  start(): void {
    this.#later()
  }

  stop(): void {
    this.#isOver = true
    this.#cancel()
  }

  /** One peer after the other is asked. Never rejects but for what halts the chain. */
  async round(): Promise<void> {
    const { validator, shell } = this.#parts
    const peers = shell.peers()
    if (validator.consensus.isWaitingForPeers) await Promise.all(peers.map((peer) => this.#askNewest(peer)))
    const peer = peers[this.#turn++ % Math.max(1, peers.length)]
    if (peer === undefined) return
    if (await this.#isBehind(peer)) this.#parts.behind(peer)
    while (!this.#isOver && (await this.#askDecided(peer))) continue
    if (this.#isOver) return
    await this.#askHeld(peer)
    if (validator.chain.waiting === 0) await this.#askWaiting(peer)
  }

  /** Y5 */
  async #isBehind(peer: string): Promise<boolean> {
    const { shell, validator } = this.#parts
    const turn = this.#asked.get(peer) ?? 0
    this.#asked.set(peer, turn + 1)
    if (turn % HEAD_EVERY !== 0) return false
    const answer = await shell.ask(peer, "head", new Uint8Array())
    const head = answer === null || answer.length === 0 ? null : headMessage.read(answer)
    return head !== null && head.last.header.height >= validator.height + STATE_SYNC_AHEAD_MIN
  }

  #later(): void {
    const { clock } = this.#parts
    this.#cancel = clock.schedule(clock.now() + CHAIN_SYNC_EVERY_MS, () => {
      this.round().then(
        () => {
          if (!this.#isOver) this.#later()
        },
        (error: unknown) => this.#parts.failed(error),
      )
    })
  }

  async #askNewest(peer: string): Promise<void> {
    const { shell, validator, random, me } = this.#parts
    const nonce = random.bytes(NONCE_BYTES)
    const answer = await shell.ask(peer, "newest", Uint8Array.of(...nonce, ...fromHex(me)!))
    // Who is no validator answers too: that says nothing, and is no fault.
    if (answer !== null) await validator.hearNewest(nonce, answer)
  }

  /** @returns whether there was a block, and it is part of the chain now */
  async #askDecided(peer: string): Promise<boolean> {
    const { shell, validator } = this.#parts
    const { height } = validator
    const answer = await shell.ask(peer, "decided", heightBytes(height))
    if (answer === null || answer.length === 0 || height !== validator.height) return false
    const decided = decidedMessage.read(answer)
    if (decided === null || !(await validator.hearDecided(decided))) {
      if (height === validator.height) shell.blame(peer, `its block ${height} is not what was decided`)
      return false
    }
    return validator.chain.isPast(height)
  }

  async #askHeld(peer: string): Promise<void> {
    const { shell, validator } = this.#parts
    const answer = await shell.ask(peer, "held", heightBytes(validator.height))
    if (answer === null) return
    const held = heldMessage.read(answer)
    if (held === null) return shell.blame(peer, "what it holds cannot be read")
    // First of all the block: what it takes part in may be decided by the votes.
    const verdicts = held.proposed === null ? [] : [await validator.hearProposed(held.proposed)]
    for (const vote of held.votes) verdicts.push(await validator.hearVote(vote))
    if (verdicts.includes("reject")) shell.blame(peer, "what it holds was said by nobody")
  }

  /** One that a single Core has is too little for a height to begin elsewhere (E8), and gossip may have lost it. */
  async #askWaiting(peer: string): Promise<void> {
    const { shell, validator } = this.#parts
    const answer = await shell.ask(peer, "waiting", new Uint8Array())
    if (answer === null || answer.length === 0) return
    if ((await validator.judgeTransactions(answer)) === "reject") shell.blame(peer, "what waits there is false")
  }
}
