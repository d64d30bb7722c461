import { STREAM_BACKLOG_MAX } from "../base/limits.ts"
import type { Feed, FeedItem } from "./core.ts"

/** An item without its number; made only if somebody reads it. */
export type FeedDraft = () => FeedItem extends infer Item ? (Item extends FeedItem ? Omit<Item, "seq"> : never) : never

/**
 * What happened, in order of durability. The newest items are held for readers that come back; states are immutable,
 * so an item is only put together when it is read.
 */
export class FeedLog implements Feed {
  #seq = 0
  readonly #backlog: { seq: number; draft: FeedDraft }[] = []
  /** Until somebody has read there is nobody who could come back: nothing is held. */
  #read = false
  readonly #listeners = new Set<(item: FeedItem) => void>()
  readonly #taps = new Set<(topic: string, draft: FeedDraft) => void>()

  get seq(): number {
    return this.#seq
  }

  /** @param topic below `mesg/v1/feed/` */
  publish(topic: string, draft: FeedDraft): void {
    const seq = ++this.#seq
    if (this.#read) this.#backlog.push({ seq, draft })
    if (this.#backlog.length > STREAM_BACKLOG_MAX * 2) this.#backlog.splice(0, STREAM_BACKLOG_MAX)
    for (const tap of this.#taps) tap(topic, draft)
    if (this.#listeners.size === 0) return
    const item = { seq, ...draft() } as FeedItem
    for (const listener of this.#listeners) listener(item)
  }

  /** For readers who want few of the items and look at the topic first. */
  tap(listener: (topic: string, draft: FeedDraft) => void): () => void {
    this.#taps.add(listener)
    return () => this.#taps.delete(listener)
  }

  subscribe(listener: (item: FeedItem) => void): () => void {
    this.#read = true
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  since(seq: number): readonly FeedItem[] | null {
    if (seq > this.#seq || seq < this.#seq - this.#backlog.length) return null
    return this.#backlog
      .filter((entry) => entry.seq > seq)
      .map((entry) => ({ seq: entry.seq, ...entry.draft() }) as FeedItem)
  }
}
