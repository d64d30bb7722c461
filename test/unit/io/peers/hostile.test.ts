import assert from "node:assert/strict"
import { once } from "node:events"
import { connect } from "node:net"
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { multiaddr } from "@multiformats/multiaddr"
import { createLibp2p, type Libp2p } from "libp2p"
import { utf8 } from "../../../../agent/base/bytes.ts"
import { seededRandom } from "../../../../agent/base/random.ts"
import type { Peers } from "../../../../agent/ports/peers.ts"
import { areConnected, hears, say, startPeers, stopPeers, topicOf } from "../../../support/peers.ts"
import { until } from "../../../support/until.ts"

const GOSSIP = ["/meshsub/1.2.0", "/meshsub/1.1.0", "/ipfs/id/1.0.0", "/mesg/1/echo"]
const WAIT_MS = 20_000

/** What nobody foresaw would end an agent: mocha fails where a promise is rejected and nobody looks. */
describe("peers, to whoever speaks none of it", function () {
  this.timeout(60_000)
  const random = seededRandom(11)
  const noiseOf = (length: number) => Uint8Array.from({ length }, () => random.below(256))
  const topic = topicOf("t")
  let host: Peers
  let strangers: Libp2p[] = []

  beforeEach(async () => {
    const echo = { name: "echo", answer: (_: string, request: Uint8Array) => Promise.resolve(request) }
    host = await startPeers({ topics: [topic], questions: [echo] })
  })
  afterEach(async () => {
    for (const one of strangers.splice(0)) await one.stop()
    await stopPeers()
  })

  const portOf = () => Number(/tcp\/(\d+)/.exec(host.addresses()[0]!)![1])
  async function stranger(): Promise<Libp2p> {
    const one = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
    })
    strangers = [...strangers, one]
    await one.dial(multiaddr(host.addresses()[0]))
    return one
  }
  async function isWell() {
    const guest = await startPeers({ topics: [topicOf("t")], known: host.addresses() })
    await areConnected(host, guest)
    assert.deepEqual(await guest.ask(host.name, "echo", utf8("well?")), { ok: true, bytes: utf8("well?") })
    const text = `well ${random.below(1e9)}`
    await say(guest, "t", text, () => hears(topic, text))
  }

  it("are as well as before where bytes are no handshake", async () => {
    for (let i = 0; i < 30; i++) {
      const socket = connect(portOf(), "127.0.0.1")
      // It is cut off from the other side, in the midst of what it sends.
      socket.on("error", () => socket.destroy())
      await once(socket, "connect")
      const closed = new Promise((resolve) => socket.once("close", resolve))
      socket.write(noiseOf(1 + random.below(2000)))
      if (i % 3 === 0) socket.end()
      if (i % 3 === 1) socket.resetAndDestroy()
      if (i % 3 === 2) socket.end(noiseOf(50_000))
      await closed
    }
    await isWell()
  })

  for (const protocol of GOSSIP)
    it(`are as well as before where bytes are no ${protocol}`, async () => {
      const one = await stranger()
      const [connection] = one.getConnections()
      for (let i = 0; i < 20 && connection!.status === "open"; i++) {
        try {
          const stream = await connection!.newStream(protocol, { maxOutboundStreams: 100 })
          stream.send(noiseOf(1 + random.below(3000)))
          if (i % 2 === 0) stream.abort(new Error("enough"))
        } catch (error) {
          // What the host refuses or resets is what is wanted; that it stays well is looked at below.
          assert.ok(error instanceof Error)
        }
      }
      await isWell()
    })

  it("are as well as before where somebody opens more streams than it may, and reads none of them", async () => {
    const one = await stranger()
    const [connection] = one.getConnections()
    const opened = await Promise.allSettled(
      Array.from({ length: 100 }, () => connection!.newStream("/mesg/1/echo", { maxOutboundStreams: 200 })),
    )
    assert.ok(opened.length === 100)
    await isWell()
    await one.stop()
    await until(() => !host.connected().includes(one.peerId.toString()), WAIT_MS, "the end of it", 10)
  })
})
