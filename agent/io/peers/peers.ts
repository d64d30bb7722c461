import { identify, type Identify } from "@libp2p/identify"
import type { GossipSub } from "@libp2p/gossipsub"
import type { ConnectionGater, Libp2p } from "@libp2p/interface"
import { noise } from "@libp2p/noise"
import { peerIdFromString } from "@libp2p/peer-id"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { createLibp2p } from "libp2p"
import { messageOf } from "../../base/errors.ts"
import { FAILURES_LOGGED_PER_S_MAX } from "../../base/limits.ts"
import { PEER_CONNECT_MS_MAX, PEER_OUTPUT_BYTES_MAX, PEERS_MAX } from "../../base/network-limits.ts"
import { LineQuota } from "../../base/line-quota.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Keys } from "../../ports/keys.ts"
import type { Log } from "../../ports/log.ts"
import type { Answer, PeerName, Peers, Question, Topic } from "../../ports/peers.ts"
import { Conduct } from "./conduct.ts"
import { PeersError } from "./error.ts"
import { gossipService, joinTopic } from "./gossip.ts"
import { identityOf } from "./identity.ts"
import { KnownPeers, readAddress } from "./known.ts"
import { Questions } from "./questions.ts"

export interface PeersOptions {
  readonly keys: Pick<Keys, "nodeKey" | "sign">
  /** An address to bind to, and a port, 0 for any free one. */
  readonly listen: { readonly address: string; readonly port: number }
  /** Multiaddrs that end in a name, at most PEERS_KNOWN_MAX: connected to as long as this runs. */
  readonly known: readonly string[]
  readonly topics: readonly Topic[]
  readonly questions: readonly Question[]
  readonly clock: Pick<Clock, "elapsed">
  readonly log: Log
  /** Whether there may be a connection at all; everybody by default. */
  readonly admits?: (peer: PeerName) => boolean
}

type Services = { readonly identify: Identify; readonly pubsub: GossipSub }
type Node = Libp2p<Services>

/**
 * A libp2p node: TCP, Noise, Yamux. Nothing of it is loaded before this file is.
 * @throws PeersError PEERS_NOT_LISTENING, PEER_ADDRESS_INVALID
 */
export async function openPeers(options: PeersOptions): Promise<Peers> {
  const known = options.known.map(readAddress)
  const conduct = new Conduct(options.clock)
  const node = await create(options, conduct)
  const peers = new Libp2pPeers(node, options, conduct)
  try {
    await peers.start()
  } catch (error) {
    await node.stop()
    throw notListening(options.listen, error)
  }
  peers.keepTo(new KnownPeers(node, known, options.log))
  return peers
}

function create({ keys, listen, topics, admits }: PeersOptions, conduct: Conduct): Promise<Node> {
  const denies = (peer: PeerName) => conduct.isBanned(peer) || admits?.(peer) === false
  const gater: ConnectionGater = {
    denyDialPeer: (peer) => denies(peer.toString()),
    denyInboundEncryptedConnection: (peer) => denies(peer.toString()),
    denyOutboundEncryptedConnection: (peer) => denies(peer.toString()),
    // An address is dialled because the owner named it: none is more dangerous than another.
    denyDialMultiaddr: () => false,
  }
  return createLibp2p<{ [Name in keyof Services]: Services[Name] }>({
    privateKey: identityOf(keys),
    start: false,
    addresses: { listen: [multiaddrOf(listen)] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxWriteBufferLength: PEER_OUTPUT_BYTES_MAX } })],
    connectionGater: gater,
    connectionManager: {
      maxConnections: PEERS_MAX,
      maxIncomingPendingConnections: PEERS_MAX,
      inboundConnectionThreshold: PEERS_MAX,
      maxParallelDials: 8,
      dialTimeout: PEER_CONNECT_MS_MAX,
      inboundUpgradeTimeout: PEER_CONNECT_MS_MAX,
      reconnectRetries: 0,
    },
    services: { identify: identify(), pubsub: gossipService(topics) },
  })
}

class Libp2pPeers implements Peers {
  readonly #node: Node
  readonly #options: PeersOptions
  readonly #conduct: Conduct
  readonly #questions: Questions
  readonly #lines: LineQuota
  #known: KnownPeers | null = null

  constructor(node: Node, options: PeersOptions, conduct: Conduct) {
    const { log, clock } = options
    this.#node = node
    this.#options = options
    this.#conduct = conduct
    this.#questions = new Questions({ node, conduct, log, blame: (peer, why) => this.blame(peer, why) })
    this.#lines = new LineQuota(
      FAILURES_LOGGED_PER_S_MAX,
      () => clock.elapsed(),
      (leftOut) => log.warn("peers sent more that is false", { leftOut }),
    )
  }

  async start(): Promise<void> {
    const { topics, questions, log } = this.#options
    for (const question of questions) await this.#questions.serve(question)
    await this.#node.start()
    const blame = (peer: PeerName, why: string) => this.blame(peer, why)
    for (const topic of topics) joinTopic(this.#node.services.pubsub, topic, { conduct: this.#conduct, log, blame })
  }

  keepTo(known: KnownPeers): void {
    this.#known = known
    known.start()
  }

  get name(): PeerName {
    return this.#node.peerId.toString()
  }

  addresses(): readonly string[] {
    return this.#node.getMultiaddrs().map(String)
  }

  connected(): readonly PeerName[] {
    return this.#node.getPeers().map(String)
  }

  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    const { recipients } = await this.#node.services.pubsub.publish(topic, bytes)
    return recipients.length
  }

  ask(peer: PeerName, question: string, request: Uint8Array, signal?: AbortSignal): Promise<Answer> {
    return this.#questions.ask(peer, question, request, signal)
  }

  blame(peer: PeerName, why: string): void {
    const { log } = this.#options
    if (this.#lines.allows()) log.warn("a peer sent what is false", { peer, why })
    if (!this.#conduct.fault(peer)) return
    log.warn("a peer is kept away for a while", { peer })
    this.#node.hangUp(peerIdFromString(peer)).catch((error: unknown) => {
      log.warn("the connection of a peer that is kept away could not be closed in order", {
        peer,
        error: messageOf(error),
      })
    })
  }

  async stop(): Promise<void> {
    this.#lines.tellLeftOut()
    await this.#known?.stop()
    await this.#node.stop()
  }
}

function multiaddrOf({ address, port }: PeersOptions["listen"]): string {
  return `/${address.includes(":") ? "ip6" : "ip4"}/${address}/tcp/${port}`
}

function notListening(listen: PeersOptions["listen"], cause: unknown): PeersError {
  const address = multiaddrOf(listen)
  return new PeersError(
    { code: "PEERS_NOT_LISTENING", address },
    `other Cores cannot be listened to at ${address}: ${messageOf(cause)}`,
    { remedy: "set network.port to a free one, or 0", cause },
  )
}
