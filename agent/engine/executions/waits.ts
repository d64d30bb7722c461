import type { ExecutionId } from "../../base/ids.ts"
import { joined } from "../../base/joined.ts"
import { awaitedEvents } from "../../core/execution/transition.ts"
import { type Correlation, correlationKey, correlationOf } from "../../core/workflow/correlation.ts"
import type { Event } from "../../schema/event.ts"
import type { Live } from "./live.ts"

/*
 * Who waits for which event. A wait whose `where` is one equality of plain paths is found by value, so that
 * thousands of orders may wait for the same event and only the right one is told.
 */
export class Waits {
  readonly #buckets = new Map<string, Set<Live>>()
  /** Which values are looked up for a (service, event): data path -> how many waits use it. */
  readonly #paths = new Map<string, Map<string, { path: readonly string[]; count: number }>>()
  readonly #of = new Map<ExecutionId, readonly Registration[]>()

  /** Brings the index up to an execution's state; an ended one is forgotten. */
  update(live: Live): void {
    const before = this.#of.get(live.id) ?? []
    const now = live.state === null ? [] : awaitedEvents(live.state)
    if (before.length === 0 && now.length === 0) return
    if (before.length === now.length && before.every((entry, i) => entry.task === now[i]!.task)) return
    for (const entry of before) this.#remove(live, entry)
    const entries = now.map(({ task, service, event }) => registrationOf(live, task, service, event))
    for (const entry of entries) this.#add(live, entry)
    if (entries.length > 0) this.#of.set(live.id, entries)
    else this.#of.delete(live.id)
  }

  /** @returns the executions that may be waiting for this very event, each once */
  find(event: Event): readonly Live[] {
    if (this.#of.size === 0) return NOBODY
    const topic = topicOf(event.service, event.event)
    const found = new Set<Live>(this.#buckets.get(topic))
    for (const { path } of this.#paths.get(topic)?.values() ?? []) {
      const key = correlationKey(event.data, path)
      if (key === null) for (const live of this.#all(topic, path)) found.add(live)
      else for (const live of this.#buckets.get(bucketOf(topic, path, key)) ?? []) found.add(live)
    }
    return [...found]
  }

  /** A list or an object compares by JSONata's own rules: everybody is asked. */
  *#all(topic: string, path: readonly string[]): Iterable<Live> {
    const prefix = bucketOf(topic, path, "")
    for (const [name, lives] of this.#buckets) if (name.startsWith(prefix)) yield* lives
  }

  #add(live: Live, { bucket, topic, path }: Registration): void {
    const lives = this.#buckets.get(bucket)
    if (lives === undefined) this.#buckets.set(bucket, new Set([live]))
    else lives.add(live)
    if (path === null) return
    const paths = this.#paths.get(topic) ?? new Map<string, { path: readonly string[]; count: number }>()
    const name = path.join(".")
    paths.set(name, { path, count: (paths.get(name)?.count ?? 0) + 1 })
    this.#paths.set(topic, paths)
  }

  #remove(live: Live, { bucket, topic, path }: Registration): void {
    const lives = this.#buckets.get(bucket)
    lives?.delete(live)
    if (lives?.size === 0) this.#buckets.delete(bucket)
    if (path === null) return
    const paths = this.#paths.get(topic)!
    const entry = paths.get(path.join("."))!
    if (entry.count > 1) paths.set(path.join("."), { path, count: entry.count - 1 })
    else paths.delete(path.join("."))
    if (paths.size === 0) this.#paths.delete(topic)
  }
}

const NOBODY: readonly Live[] = []

interface Registration {
  readonly task: number
  readonly topic: string
  readonly bucket: string
  readonly path: readonly string[] | null
}

function registrationOf(live: Live, task: number, service: string, event: string): Registration {
  const topic = topicOf(service, event)
  const correlation: Correlation | null = correlationOf(live.pinned.definition.tasks[task]!.wait!.where)
  const key = correlation === null ? null : correlationKey(live.state!.trigger.data, correlation.triggerPath)
  if (correlation === null || key === null) return { task, topic, bucket: topic, path: null }
  return { task, topic, bucket: bucketOf(topic, correlation.dataPath, key), path: correlation.dataPath }
}

function topicOf(service: string, event: string): string {
  return joined(service, event)
}

function bucketOf(topic: string, path: readonly string[], key: string): string {
  return `${topic} ${path.join(".")} ${key}`
}
