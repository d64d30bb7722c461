import type { Libp2p, Stream } from "@libp2p/interface"
import { peerIdFromString } from "@libp2p/peer-id"
import { concatBytes } from "../../base/bytes.ts"
import { messageOf } from "../../base/errors.ts"
import {
  PEER_ANSWER_BYTES_MAX,
  PEER_REQUEST_BYTES_MAX,
  PEER_REQUEST_MS_MAX,
  PEER_REQUESTS_OPEN_MAX,
} from "../../base/network-limits.ts"
import type { Log } from "../../ports/log.ts"
import type { Answer, PeerName, Question } from "../../ports/peers.ts"
import type { Conduct } from "./conduct.ts"
import { readFrame, sendFrame } from "./frame.ts"

/** The first byte of an answer. */
const ANSWERED = 0
const BUSY = 1
const ANSWER_HEAD = 1

interface Around {
  readonly node: Libp2p
  readonly conduct: Conduct
  readonly log: Log
  /** @param why for the log */
  blame(peer: PeerName, why: string): void
}

/** Questions between two Cores: a stream for each, one frame there and one back. docs/spec/peers.md#questions */
export class Questions {
  readonly #around: Around

  constructor(around: Around) {
    this.#around = around
  }

  async serve(question: Question): Promise<void> {
    await this.#around.node.handle(
      protocolOf(question.name),
      (stream, { remotePeer }) => this.#handle(question, stream, remotePeer.toString()),
      { maxInboundStreams: PEER_REQUESTS_OPEN_MAX, maxOutboundStreams: PEER_REQUESTS_OPEN_MAX },
    )
  }

  async ask(peer: PeerName, question: string, request: Uint8Array, signal?: AbortSignal): Promise<Answer> {
    const connection = this.#around.node.getConnections(peerIdFromString(peer))[0]
    if (connection === undefined) return { ok: false, code: "PEER_AWAY" }
    const inTime = AbortSignal.any([AbortSignal.timeout(PEER_REQUEST_MS_MAX), ...(signal ? [signal] : [])])
    let stream: Stream | undefined
    try {
      stream = await connection.newStream(protocolOf(question), {
        signal: inTime,
        maxOutboundStreams: PEER_REQUESTS_OPEN_MAX,
      })
      const frame = await during(stream, inTime, async (open) => {
        // It is listened to before it is asked: what comes early, or with the end, is not lost.
        const answer = readFrame(open, ANSWER_HEAD + PEER_ANSWER_BYTES_MAX, inTime)
        // Who knows its answer before it has read the request may close first: the answer alone counts.
        await Promise.allSettled([answer, sendFrame(open, request, inTime)])
        return answer
      })
      if (frame === null) {
        this.#around.blame(peer, "an answer is longer than any may be")
        stream.abort(new Error("too long"))
        return { ok: false, code: "ANSWER_TOO_LONG" }
      }
      if (frame[0] === ANSWERED) return { ok: true, bytes: frame.subarray(ANSWER_HEAD) }
      return { ok: false, code: frame[0] === BUSY ? "PEER_BUSY" : "PEER_BROKE_OFF" }
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error(messageOf(error)))
      this.#around.log.debug("a peer did not answer", { peer, question, error: messageOf(error) })
      return { ok: false, code: inTime.aborted ? "PEER_SILENT" : "PEER_BROKE_OFF" }
    }
  }

  /** Whatever happens stays with this stream. */
  async #handle(question: Question, stream: Stream, peer: PeerName): Promise<void> {
    const inTime = AbortSignal.timeout(PEER_REQUEST_MS_MAX)
    try {
      await during(stream, inTime, async () => {
        // Before anything is read: who asks too much is answered at the price of a byte.
        if (!this.#around.conduct.mayAsk(peer)) return sendFrame(stream, Uint8Array.of(BUSY), inTime)
        const request = await readFrame(stream, PEER_REQUEST_BYTES_MAX, inTime)
        const answer = request === null ? null : await question.answer(peer, request, inTime)
        if (answer === null) {
          this.#around.blame(peer, `it asks for ${question.name} what nobody correct asks`)
          return stream.abort(new Error("no such request"))
        }
        if (answer.length > PEER_ANSWER_BYTES_MAX) throw new RangeError(`an answer of ${answer.length} bytes`)
        return sendFrame(stream, concatBytes(Uint8Array.of(ANSWERED), answer), inTime)
      })
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(messageOf(error)))
      this.#around.log.debug("a peer got no answer", { peer, question: question.name, error: messageOf(error) })
    }
  }
}

/** A stream that takes longer than it may is broken off, whoever it is that does not go on. */
async function during<Result>(
  stream: Stream,
  signal: AbortSignal,
  talk: (stream: Stream) => Promise<Result>,
): Promise<Result> {
  const breakOff = () => stream.abort(new Error("it took too long"))
  signal.addEventListener("abort", breakOff)
  try {
    return await talk(stream)
  } finally {
    signal.removeEventListener("abort", breakOff)
  }
}

function protocolOf(question: string): string {
  return `/mesg/1/${question}`
}
