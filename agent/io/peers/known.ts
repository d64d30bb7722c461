import type { Libp2p, PeerId } from "@libp2p/interface"
import { peerIdFromString } from "@libp2p/peer-id"
import { CODE_P2P, type Multiaddr, multiaddr } from "@multiformats/multiaddr"
import { messageOf } from "../../base/errors.ts"
import {
  PEER_ADDRESS_LENGTH_MAX,
  PEER_CONNECT_MS_MAX,
  PEER_RETRY_MS_MAX,
  PEER_RETRY_MS_MIN,
  PEERS_KNOWN_MAX,
} from "../../base/network-limits.ts"
import { pause } from "../../base/pause.ts"
import type { Log } from "../../ports/log.ts"
import { PeersError } from "./error.ts"

export interface KnownPeer {
  readonly id: PeerId
  readonly address: Multiaddr
}

/** @throws PeersError PEER_ADDRESS_INVALID */
export function readAddress(text: string): KnownPeer {
  try {
    if (text.length > PEER_ADDRESS_LENGTH_MAX) throw new RangeError("it is too long")
    const address = multiaddr(text)
    const name = address.getComponents().findLast(({ code }) => code === CODE_P2P)?.value
    if (name === undefined) throw new RangeError("it does not end in /p2p/ and the name of a peer")
    return { id: peerIdFromString(name), address }
  } catch (cause) {
    throw new PeersError(
      { code: "PEER_ADDRESS_INVALID", address: text.slice(0, PEER_ADDRESS_LENGTH_MAX) },
      `no peer can be found at ${text.slice(0, PEER_ADDRESS_LENGTH_MAX)}: ${messageOf(cause)}`,
      { remedy: "take an address as `mesg network status` of that agent shows it", cause },
    )
  }
}

/** Those whose address the owner named: whenever one is away it is tried again, later and later. */
export class KnownPeers {
  readonly #node: Libp2p
  readonly #peers: readonly KnownPeer[]
  readonly #log: Log
  readonly #ending = new AbortController()
  #visits: Promise<void>[] = []

  constructor(node: Libp2p, peers: readonly KnownPeer[], log: Log) {
    this.#node = node
    this.#peers = peers.filter(({ id }) => !id.equals(node.peerId)).slice(0, PEERS_KNOWN_MAX)
    this.#log = log
  }

  start(): void {
    this.#visits = this.#peers.map((peer) => this.#visit(peer))
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#visits)
  }

  async #visit({ id, address }: KnownPeer): Promise<void> {
    const { signal } = this.#ending
    let waitMs = PEER_RETRY_MS_MIN
    while (!signal.aborted) {
      if (this.#node.getConnections(id).length === 0) {
        try {
          await this.#node.dial(address, {
            signal: AbortSignal.any([signal, AbortSignal.timeout(PEER_CONNECT_MS_MAX)]),
          })
          waitMs = PEER_RETRY_MS_MIN
        } catch (error) {
          this.#log.debug("a peer is not there", { address: address.toString(), error: messageOf(error) })
          waitMs = Math.min(2 * waitMs, PEER_RETRY_MS_MAX)
        }
      }
      await pause(waitMs, signal)
    }
  }
}
