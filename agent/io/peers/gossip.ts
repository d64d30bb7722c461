import { type GossipSub, type GossipsubOpts, gossipsub, TopicValidatorResult } from "@libp2p/gossipsub"
import { concatBytes, utf8 } from "../../base/bytes.ts"
import { messageOf } from "../../base/errors.ts"
import { sha256 } from "../../base/hash.ts"
import { PEER_MESSAGE_BYTES_MAX, PEER_OUTPUT_BYTES_MAX, PEER_TOPICS_MAX } from "../../base/network-limits.ts"
import type { Log } from "../../ports/log.ts"
import type { PeerName, Topic, Verdict } from "../../ports/peers.ts"
import type { Conduct } from "./conduct.ts"

const RESULTS: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}
/** Of the messages in one frame of gossipsub: ids asked for and offered at once. */
const IDS_MAX = 1024
/** What gossipsub reckons with for each topic that a peer names, beside the name. */
const TOPIC_ENTRY_BYTES = 2048

/**
 * Messages name themselves by their content and are signed by who made them, inside: gossipsub signs nothing. A chain in
 * which nothing happens is silent, so nobody is marked down for silence; who sends what is false is, by `Conduct`.
 */
export function gossipOptions(topics: readonly Topic[]): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: "StrictNoSign",
    msgIdFn: ({ topic, data }) => sha256(concatBytes(utf8(`${topic}\0`), data)),
    allowedTopics: topics.map(({ name }) => name),
    floodPublish: true,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    doPX: false,
    fallbackToFloodsub: false,
    maxInboundDataLength: PEER_MESSAGE_BYTES_MAX + 1024,
    maxOutboundBufferSize: PEER_OUTPUT_BYTES_MAX,
    maxTopicBytesPerPeer: PEER_TOPICS_MAX * TOPIC_ENTRY_BYTES,
    decodeRpcLimits: {
      maxSubscriptions: PEER_TOPICS_MAX,
      maxMessages: IDS_MAX,
      maxIhaveMessageIDs: IDS_MAX,
      maxIwantMessageIDs: IDS_MAX,
      maxIdontwantMessageIDs: IDS_MAX,
      maxControlMessages: PEER_TOPICS_MAX,
      maxPeerInfos: PEER_TOPICS_MAX,
    },
    // Many Cores behind one router are a household, or a fleet; power is counted, and never peers.
    scoreParams: { IPColocationFactorWeight: 0 },
  }
}

export const gossipService = (topics: readonly Topic[]) => gossipsub(gossipOptions(topics))

interface Around {
  readonly conduct: Conduct
  readonly log: Log
  blame(peer: PeerName, why: string): void
}

/** Takes part in a topic: each message is judged once, before it is passed on. docs/spec/peers.md#messages */
export function joinTopic(pubsub: GossipSub, topic: Topic, around: Around): void {
  pubsub.topicValidators.set(topic.name, async (peer, { data }) => {
    const verdict = await judged(topic, peer.toString(), data, around)
    return RESULTS[verdict]
  })
  pubsub.subscribe(topic.name)
}

async function judged(topic: Topic, from: PeerName, bytes: Uint8Array, { conduct, log, blame }: Around) {
  if (!conduct.mayBring(from)) return "ignore"
  if (bytes.length === 0 || bytes.length > topic.bytesMax) {
    blame(from, `a message of ${topic.name} has ${bytes.length} bytes`)
    return "reject"
  }
  try {
    const verdict = await topic.judge(from, bytes)
    if (verdict === "reject") blame(from, `a message of ${topic.name} is false`)
    return verdict
  } catch (error) {
    // An error of ours is no fault of the peer's.
    log.error("a message of a peer could not be judged", { topic: topic.name, error: messageOf(error) })
    return "ignore"
  }
}
