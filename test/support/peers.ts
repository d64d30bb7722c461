import { once } from "node:events"
import { createServer, type AddressInfo } from "node:net"
import { join } from "node:path"
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { multiaddr } from "@multiformats/multiaddr"
import { createLibp2p, type Libp2p } from "libp2p"
import { openKeys } from "../../agent/io/keys/keys.ts"
import { openPeers, type PeersOptions } from "../../agent/io/peers/peers.ts"
import type { Peers, Topic } from "../../agent/ports/peers.ts"
import { createLog } from "../../agent/io/log/log.ts"
import { tempDir } from "./temp-dir.ts"
import { until } from "./until.ts"

const WAIT_MS = 20_000
const running: Peers[] = []

/** A node on loopback with a key of its own, stopped by `stopPeers`. */
export async function startPeers(options: Partial<PeersOptions> = {}): Promise<Peers> {
  const peers = await openPeers({
    keys: openKeys(join(tempDir("peers"), "keys")),
    listen: { address: "127.0.0.1", port: 0 },
    known: [],
    topics: [],
    questions: [],
    clock: { elapsed: () => performance.now() },
    log: createLog({ level: "error", format: "json" }),
    ...options,
  })
  running.push(peers)
  return peers
}

export async function stopPeers(): Promise<void> {
  await Promise.all(running.splice(0).map((peers) => peers.stop()))
}

export async function areConnected(one: Peers, other: Peers): Promise<void> {
  const connected = () => one.connected().includes(other.name) && other.connected().includes(one.name)
  await until(connected, WAIT_MS, "a connection", 5)
}

/** A topic that keeps what was heard of it. */
export function topicOf(name: string, judge: Topic["judge"] = () => "accept"): Topic & { readonly heard: string[] } {
  const heard: string[] = []
  return {
    name,
    bytesMax: 100,
    heard,
    judge: (from, bytes) => {
      heard.push(new TextDecoder().decode(bytes))
      return judge(from, bytes)
    },
  }
}

/**
 * Says it again and again, each time a little longer, until it was heard: gossipsub gets to know who takes part in what
 * a moment after it has met them, and of what was said before they hear nothing.
 */
export async function say(peers: Peers, topic: string, text: string, isHeard: () => boolean): Promise<void> {
  let tries = 0
  const again = async () => {
    if (isHeard()) return true
    await peers.publish(topic, new TextEncoder().encode(`${text}${" ".repeat(tries++ % 20)}`))
    return isHeard()
  }
  await until(again, WAIT_MS, `somebody to hear ${text}`, 50)
}

export function hears(topic: { readonly heard: readonly string[] }, text: string): boolean {
  return topic.heard.some((one) => one.startsWith(text))
}

/** A node that is none of ours: connected to an address, it answers a question with just these bytes. */
export async function startLiar(question: string, bytes: Uint8Array, addresses: readonly string[]): Promise<Libp2p> {
  const liar = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  await liar.handle(`/mesg/1/${question}`, async (stream) => {
    stream.send(bytes)
    await stream.close()
  })
  await liar.dial(multiaddr(addresses[0]))
  return liar
}

/** A port that somebody has. */
export async function takenPort(): Promise<{ readonly port: number; free(): void }> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  return { port: (server.address() as AddressInfo).port, free: () => server.close() }
}
