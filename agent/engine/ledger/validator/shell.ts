/** Messages that everybody gets from everybody. */
export type TopicName = "transactions" | "votes" | "proposals"

/**
 * What one Core asks another. `decided`: the block of a height, 8 bytes. `held`: what it holds of the height that is being
 * decided, 8 bytes. `newest`: what it holds that a validator said last, a nonce of 32 bytes and an address. `waiting`: the
 * transactions that wait there.
 */
export type QuestionName = "decided" | "held" | "newest" | "waiting"

/** The way to the other Cores of a chain. */
export interface Shell {
  publish(topic: TopicName, bytes: Uint8Array): void
  /** Who is connected now. */
  peers(): readonly string[]
  /** @returns null where no answer came */
  ask(peer: string, question: QuestionName, request: Uint8Array): Promise<Uint8Array | null>
  /** What came from it was false. @param why for the log */
  blame(peer: string, why: string): void
}
