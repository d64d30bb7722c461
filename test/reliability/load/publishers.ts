import { connect } from "mqtt"
import type { LoadEvent } from "./work.ts"

/** How one event was sent, and what the agent said. */
export interface Sent {
  readonly n: number
  readonly event: LoadEvent
  readonly via: "qos1" | "qos1-id" | "qos2" | "http" | "http-id"
  /** Acknowledged: PUBACK, PUBCOMP, or 202. */
  accepted: boolean
  /** Said no for good: a sender without an id that never learnt what became of its request does not repeat it. */
  gaveUp: boolean
}

/** Everything that was sent, by its number. */
export class Ledger {
  readonly sent: Sent[] = []
  /** How often the API said "not now". */
  refusals = 0

  open(event: LoadEvent, via: Sent["via"]): Sent {
    const sent = { n: this.sent.length, event, via, accepted: false, gaveUp: false }
    this.sent.push(sent)
    return sent
  }

  get accepted(): number {
    return this.sent.reduce((sum, { accepted }) => sum + (accepted ? 1 : 0), 0)
  }
}

/** One that sends as fast as it is acknowledged, through every restart of the agent, until it is told to end. */
export interface Publisher {
  /** No new event; resolves when every one that was begun has its answer. */
  finish(): Promise<void>
  /** Now, whatever is on its way. */
  abandon(): void
}

/** How long a client that is not heard waits before it tries again. */
const PAUSE_MS = 50
/** A full store says 60 s; the test makes room sooner than that. */
const RETRY_AFTER_MS_MAX = 1000

/** So many events a second and no more: an agent that accepts without doing the work must not drown the test. */
export class Pace {
  readonly #everyMs: number
  #nextMs = 0

  constructor(perSecond: number) {
    this.#everyMs = 1000 / perSecond
  }

  turn(): Promise<void> {
    const now = performance.now()
    this.#nextMs = Math.max(this.#nextMs + this.#everyMs, now)
    return pause(this.#nextMs - now)
  }
}

export interface Flow {
  readonly pace: Pace
  readonly ledger: Ledger
  /** Sent and not yet answered, at most. */
  readonly window: number
  /** Which event comes next. */
  next(): LoadEvent
  /** Its fate is known. */
  settled(sent: Sent): void
}

/** mqtt.js with a session that outlives connections: what has no PUBACK or PUBCOMP is sent again by itself. */
export function mqttPublisher(url: string, clientId: string, qos: 1 | 2, withIds: boolean, flow: Flow): Publisher {
  const client = connect(url, { clientId, clean: false, reconnectPeriod: 50, connectTimeout: 5000, protocolVersion: 4 })
  client.on("error", ignoreRefusedConnection)
  const via = qos === 2 ? "qos2" : withIds ? "qos1-id" : "qos1"
  const done = Promise.withResolvers<void>()
  let open = 0
  let ending = false
  const publish = (sent: Sent) => {
    const topic = `mesg/v1/load/event/${sent.event}${withIds ? `/${clientId}-${sent.n}` : ""}`
    client.publish(topic, JSON.stringify({ n: sent.n }), { qos }, (error) => {
      // mqtt.js drops what was asked for while it sends its store again and the connection ends: it was never sent.
      if (error) {
        if (client.disconnecting) return
        setTimeout(() => publish(sent), PAUSE_MS)
        return
      }
      open--
      sent.accepted = true
      flow.settled(sent)
      if (!ending) begin()
      else if (open === 0) done.resolve()
    })
  }
  const begin = () => {
    open++
    void flow.pace.turn().then(() => publish(flow.ledger.open(flow.next(), via)))
  }
  for (let i = 0; i < flow.window; i++) begin()
  return {
    async finish() {
      ending = true
      if (open === 0) done.resolve()
      await done.promise
      await client.endAsync()
    },
    abandon() {
      ending = true
      client.end(true)
    },
  }
}

/** A connection that is refused while the agent is down is tried again: reconnectPeriod. Nothing else may fail. */
export function ignoreRefusedConnection(error: Error): void {
  const { code } = error as { code?: unknown }
  if (!["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(String(code))) throw error
}

/** Pays each booking once its fate is known: the event that its execution waits for. */
export function payer(url: string, clientId: string): { pay(n: number, afterMs: number): void } & Publisher {
  const client = connect(url, { clientId, clean: false, reconnectPeriod: 50, connectTimeout: 5000, protocolVersion: 4 })
  client.on("error", ignoreRefusedConnection)
  const open = new Set<Promise<void>>()
  const pay = async (n: number): Promise<void> => {
    const topic = `mesg/v1/load/event/paid/${clientId}-${n}`
    for (let sent = false; !sent && !client.disconnecting; ) {
      sent = await client.publishAsync(topic, JSON.stringify({ n }), { qos: 1 }).then(
        () => true,
        () => false,
      )
      if (!sent) await pause(PAUSE_MS)
    }
  }
  return {
    pay(n, afterMs) {
      const paid = pause(afterMs)
        .then(() => pay(n))
        .finally(() => open.delete(paid))
      open.add(paid)
    },
    async finish() {
      await Promise.all(open)
      await client.endAsync()
    },
    abandon() {
      client.end(true)
    },
  }
}

/** Requests one after the other, `window` of them at once. 429 is waited out; a lost answer is asked again by id. */
export function httpPublisher(
  base: string,
  name: string,
  token: () => string,
  withIds: boolean,
  flow: Flow,
): Publisher {
  let ending = false
  const life = new AbortController()
  const lanes = Array.from({ length: flow.window }, async () => {
    while (!ending) {
      await flow.pace.turn()
      const sent = flow.ledger.open(flow.next(), withIds ? "http-id" : "http")
      const send = () =>
        sendUntilAnswered(base, withIds ? `${name}-${sent.n}` : null, token, sent, flow.ledger, life.signal)
      await send()
      // Who can be recognised may say it again, whenever it likes.
      if (withIds && sent.n % 3 === 0) await send()
      flow.settled(sent)
    }
  })
  return {
    async finish() {
      ending = true
      await Promise.all(lanes)
    },
    abandon() {
      ending = true
      life.abort()
    },
  }
}

async function sendUntilAnswered(
  base: string,
  id: string | null,
  token: () => string,
  sent: Sent,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ data: { n: sent.n }, ...(id === null ? {} : { id }) })
  while (!signal.aborted) {
    const answer = await fetch(`${base}/api/v1/services/load/events/${sent.event}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token()}`, "content-type": "application/json" },
      body,
      signal,
    }).catch(() => null)
    if (answer === null) {
      // Refused or cut in the middle: without an id nobody knows which, and a repeat might be a second event.
      if (id === null) {
        sent.gaveUp = true
        return pause(PAUSE_MS)
      }
      await pause(PAUSE_MS)
      continue
    }
    await answer.arrayBuffer().catch(() => null)
    if (answer.status === 202) {
      sent.accepted = true
      return
    }
    // The token of the run file is new at every start.
    if (answer.status !== 401 && answer.status !== 429 && answer.status !== 503 && answer.status !== 500)
      throw new Error(`the API answered ${answer.status}`)
    ledger.refusals++
    const retryAfterMs = Number(answer.headers.get("retry-after") ?? 0) * 1000
    await pause(Math.min(Math.max(retryAfterMs, PAUSE_MS), RETRY_AFTER_MS_MAX))
  }
}

/** What a polite client does before it asks again. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
