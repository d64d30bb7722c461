/** Messages that everybody gets from everybody. */
export type TopicName = "transactions" | "votes" | "proposals"

/**
 * What one Core asks another. `decided`: the block of a height, 8 bytes. `held`: what it holds of the height that is being
 * decided, 8 bytes. `newest`: what it holds that a validator said last, a nonce of 32 bytes and an address. `waiting`: the
 * transactions that wait there. `header`: the header of a height, 8 bytes, or the newest, with what proves it. `record`: a
 * record of the state, by its name, with its proof. `head`: where the chain stands, for who has not seen it. `parts`: those
 * parts of the state that have changed.
 */
export type QuestionName = "decided" | "held" | "newest" | "waiting" | "header" | "record" | "head" | "parts"

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

/** As a question names it. */
export function heightBytes(height: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setBigUint64(0, BigInt(height))
  return new Uint8Array(bytes.buffer)
}
