import { Allowances } from "../../base/allowances.ts"
import {
  PEER_BAN_MS,
  PEER_FAULTS_BURST,
  PEER_FAULTS_PER_S,
  PEER_MESSAGES_BURST,
  PEER_MESSAGES_PER_S,
  PEER_REQUESTS_BURST,
  PEER_REQUESTS_PER_S,
  PEERS_REMEMBERED_MAX,
} from "../../base/network-limits.ts"
import type { Clock } from "../../ports/clock.ts"
import type { PeerName } from "../../ports/peers.ts"

/** What each peer may still do, and who is kept away. docs/spec/peers.md#conduct */
export class Conduct {
  readonly #clock: Pick<Clock, "elapsed">
  readonly #messages = new Allowances(PEER_MESSAGES_BURST, PEER_MESSAGES_PER_S, PEERS_REMEMBERED_MAX)
  readonly #requests = new Allowances(PEER_REQUESTS_BURST, PEER_REQUESTS_PER_S, PEERS_REMEMBERED_MAX)
  readonly #faults = new Allowances(PEER_FAULTS_BURST, PEER_FAULTS_PER_S, PEERS_REMEMBERED_MAX)
  /** Until when, in the order in which they were banned. */
  readonly #banned = new Map<PeerName, number>()

  constructor(clock: Pick<Clock, "elapsed">) {
    this.#clock = clock
  }

  mayBring(peer: PeerName): boolean {
    return this.#messages.take(peer, this.#clock.elapsed())
  }

  mayAsk(peer: PeerName): boolean {
    return this.#requests.take(peer, this.#clock.elapsed())
  }

  /** @returns whether this was one too many: it is kept away from now on */
  fault(peer: PeerName): boolean {
    if (this.isBanned(peer) || this.#faults.take(peer, this.#clock.elapsed())) return false
    this.#banned.set(peer, this.#clock.elapsed() + PEER_BAN_MS)
    if (this.#banned.size > PEERS_REMEMBERED_MAX) this.#banned.delete(this.#banned.keys().next().value!)
    return true
  }

  isBanned(peer: PeerName): boolean {
    const untilMs = this.#banned.get(peer)
    if (untilMs === undefined) return false
    if (this.#clock.elapsed() < untilMs) return true
    this.#banned.delete(peer)
    return false
  }
}
