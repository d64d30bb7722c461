import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"
import { connectAsync } from "mqtt"

/** Publishes numbered messages at QoS 1, one after the other, until it is told to end. */
export interface ContinuousPublisher {
  /** Ids of the messages whose PUBACK has come. */
  readonly acked: ReadonlySet<string>
  /** Publishes no more. Resolves when everything that was published is acknowledged. */
  end(): Promise<void>
}

/** Where the message with this id goes, and what it says. */
export type MessageOf = (id: string) => { readonly topic: string; readonly payload: string }

/** Between two messages of one publisher: so that they are spread over everything that happens meanwhile. */
const EVERY_MS = 8
const WINDOW = 16
const LINES_A_RUN = 200

/** @param publish goes on until it is over, and then for what is not acknowledged yet */
function publisher(publish: (isOver: () => boolean, acked: Set<string>) => Promise<void>): ContinuousPublisher {
  const acked = new Set<string>()
  let over = false
  const published = publish(() => over, acked)
  return {
    acked,
    end() {
      over = true
      return published
    },
  }
}

/** mqtt.js, which connects again and sends again by itself. */
export async function publishWithMqttJs(
  port: number,
  name: string,
  messageOf: MessageOf,
): Promise<ContinuousPublisher> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: name, reconnectPeriod: 50 })
  // The connection is reset on purpose; what is not acknowledged is sent again.
  client.on("error", () => undefined)
  return publisher(async (isOver, acked) => {
    const open = new Set<Promise<unknown>>()
    for (let n = 0; !isOver(); n++) {
      const id = `${name}-${n}`
      const { topic, payload } = messageOf(id)
      const sent = client.publishAsync(topic, payload, { qos: 1 }).then(() => {
        acked.add(id)
        open.delete(sent)
      })
      open.add(sent)
      if (open.size >= WINDOW) await Promise.race(open)
      await pause(EVERY_MS)
    }
    await Promise.all(open)
    await client.endAsync()
  })
}

/** mosquitto_pub, run after run: one that lost its connection is followed by one that sends the rest again. */
export function publishWithMosquitto(
  port: number,
  name: string,
  topic: string,
  payloadOf: (id: string) => string,
): ContinuousPublisher {
  return publisher(async (isOver, acked) => {
    let next = 0
    let left: string[] = []
    while (!isOver() || left.length > 0) {
      const ids = left.slice()
      while (!isOver() && ids.length < LINES_A_RUN) ids.push(`${name}-${next++}`)
      await mosquittoRun(port, `${name}-pub`, topic, ids, payloadOf, acked)
      left = ids.filter((id) => !acked.has(id))
    }
  })
}

/** One process that publishes a line per id; its debug lines tell which packet had which number and was acknowledged. */
async function mosquittoRun(
  port: number,
  clientId: string,
  topic: string,
  ids: readonly string[],
  payloadOf: (id: string) => string,
  acked: Set<string>,
): Promise<void> {
  const words = ["-h", "127.0.0.1", "-p", String(port), "-i", clientId, "-t", topic, "-q", "1", "-l", "-d"]
  const child = spawn("mosquitto_pub", words, { stdio: ["pipe", "pipe", "ignore"] })
  const exited = once(child, "exit")
  // It may be gone before it has read everything.
  child.stdin.on("error", () => undefined)
  const idOf = new Map<string, string>()
  const lines = createInterface(child.stdout)
  lines.on("line", (line) => {
    const sent = /sending PUBLISH \(d0, q1, r0, m(\d+)/.exec(line)?.[1]
    if (sent !== undefined) idOf.set(sent, ids[idOf.size]!)
    const mid = /received PUBACK \(Mid: (\d+)/.exec(line)?.[1]
    const id = mid === undefined ? undefined : idOf.get(mid)
    if (id !== undefined) acked.add(id)
  })
  const read = once(lines, "close")
  for (const id of ids) {
    if (child.exitCode !== null || child.stdin.destroyed) break
    child.stdin.write(`${payloadOf(id)}\n`)
    await pause(EVERY_MS)
  }
  child.stdin.end()
  await exited
  await read
}
