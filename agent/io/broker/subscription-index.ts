interface Level<Subscriber> {
  readonly next: Map<string, Level<Subscriber>>
  readonly subscribers: Map<Subscriber, number>
}

/** Who subscribed to which filter: a tree by topic level, so that a match costs levels and not subscriptions. */
export class SubscriptionIndex<Subscriber> {
  readonly #root: Level<Subscriber> = level()
  #count = 0

  /** Filters held, each counted once for every subscriber. */
  get count(): number {
    return this.#count
  }

  /** @param qos replaces what the subscriber had for the same filter [MQTT-3.8.4-3] */
  add(filter: string, subscriber: Subscriber, qos: number): void {
    let at = this.#root
    for (const name of filter.split("/")) {
      let child = at.next.get(name)
      if (child === undefined) {
        child = level()
        at.next.set(name, child)
      }
      at = child
    }
    if (!at.subscribers.has(subscriber)) this.#count++
    at.subscribers.set(subscriber, qos)
  }

  remove(filter: string, subscriber: Subscriber): void {
    const names = filter.split("/")
    const path = [this.#root]
    for (const name of names) {
      const child = path.at(-1)!.next.get(name)
      if (child === undefined) return
      path.push(child)
    }
    if (path.at(-1)!.subscribers.delete(subscriber)) this.#count--
    for (let i = names.length; i > 0; i--) {
      const { next, subscribers } = path[i]!
      if (next.size > 0 || subscribers.size > 0) return
      path[i - 1]!.next.delete(names[i - 1]!)
    }
  }

  /** @returns every subscriber whose filters match, with the highest QoS of those [MQTT-3.3.5-1] */
  match(topic: string): Map<Subscriber, number> {
    const found = new Map<Subscriber, number>()
    const names = topic.split("/")
    const take = (at: Level<Subscriber>) => {
      for (const [subscriber, qos] of at.subscribers) {
        const other = found.get(subscriber)
        if (other === undefined || qos > other) found.set(subscriber, qos)
      }
    }
    const walk = (at: Level<Subscriber>, depth: number) => {
      // [MQTT-4.7.2-1]: a leading wildcard does not match $SYS and its like.
      const wild = depth > 0 || !topic.startsWith("$")
      const rest = wild ? at.next.get("#") : undefined
      if (rest !== undefined) take(rest)
      if (depth === names.length) {
        take(at)
        return
      }
      const exact = at.next.get(names[depth]!)
      if (exact !== undefined) walk(exact, depth + 1)
      const any = wild ? at.next.get("+") : undefined
      if (any !== undefined) walk(any, depth + 1)
    }
    walk(this.#root, 0)
    return found
  }
}

function level<Subscriber>(): Level<Subscriber> {
  return { next: new Map(), subscribers: new Map() }
}
