/**
 * What is told of a message of others by who understands it: `accept` passes it on, `ignore` does not, `reject` costs the
 * peer it came from reputation.
 */
export type Verdict = "accept" | "ignore" | "reject"

/** A libp2p PeerId in base58, `12D3Koo…`: the node key of a Core. */
export type PeerName = string

/** Messages of one kind, which everybody who takes part gets from everybody. */
export interface Topic {
  /** ASCII, of the agent itself: a peer has no say in it. */
  readonly name: string
  /** Of one message, at most PEER_MESSAGE_BYTES_MAX. */
  readonly bytesMax: number
  /** @param from who passed it on, not who made it @param bytes 1 to `bytesMax`; the same bytes come once */
  judge(from: PeerName, bytes: Uint8Array): Verdict | Promise<Verdict>
}

/** Something that a Core is asked by another one. */
export interface Question {
  /** ASCII, of the agent itself: a peer has no say in it. */
  readonly name: string
  /**
   * @param request at most PEER_REQUEST_BYTES_MAX
   * @param signal aborts when nobody waits for the answer any more
   * @returns at most PEER_ANSWER_BYTES_MAX bytes; null for a request that nobody correct makes: it costs reputation
   */
  answer(from: PeerName, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array | null>
}

export type Answer =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /**
   * PEER_AWAY: there is no way to it. PEER_SILENT: no answer in time. PEER_BUSY: it was asked too much, later it may
   * answer. PEER_BROKE_OFF: it ended the answer or does not know the question. ANSWER_TOO_LONG: which costs it reputation.
   */
  | {
      readonly ok: false
      readonly code: "PEER_AWAY" | "PEER_SILENT" | "PEER_BUSY" | "PEER_BROKE_OFF" | "ANSWER_TOO_LONG"
    }

/** The way to other Cores. What comes from them was bounded, and was sent by the peer it names; nothing else is known. */
export interface Peers {
  readonly name: PeerName
  /** Where others reach it: multiaddrs that end in its name. */
  addresses(): readonly string[]
  /** Who is connected now. */
  connected(): readonly PeerName[]
  /** Gives a message to everybody who takes part in the topic. @returns how many peers it was sent to */
  publish(topic: string, bytes: Uint8Array): Promise<number>
  /** Asks a peer that is connected. Never rejects. */
  ask(peer: PeerName, question: string, request: Uint8Array, signal?: AbortSignal): Promise<Answer>
  /** What came from it turned out to be false: as a message that was rejected. @param why for the log */
  blame(peer: PeerName, why: string): void
  stop(): Promise<void>
}
