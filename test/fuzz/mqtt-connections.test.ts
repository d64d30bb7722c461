import assert from "node:assert/strict"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { type SeededRandom, seededRandom } from "../../agent/base/random.ts"
import {
  connectPacket,
  packet,
  publishPacket,
  pubrel,
  subscribePacket,
  text,
  u16,
  unsubscribePacket,
  WireClient,
} from "../support/mqtt-wire.ts"
import { scaled } from "../support/scale.ts"

const MIB = 1024 * 1024
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_122)

/** Well-formed conversations of MQTT 3.1, 3.1.1 and 5, to be damaged. */
const CONVERSATIONS: readonly (() => Buffer[])[] = [
  () => [
    connectPacket({ will: { topic: "fuzz/w", payload: "x", qos: 1 }, username: "u", password: "p" }),
    subscribePacket(1, [
      ["fuzz/#", 2],
      ["fuzz/+", 1],
    ]),
    publishPacket("fuzz/a", "x".repeat(100), { qos: 2, packetId: 2, retain: true }),
    pubrel(2),
    unsubscribePacket(3, ["fuzz/#"]),
    packet(0xe0),
  ],
  () => [connectPacket({ protocol: "MQIsdp", level: 3 }), publishPacket("fuzz/b", "y", { qos: 1 })],
  () => [
    packet(0x10, text("MQTT"), [5, 2], u16(60), [5, 0x11, 0, 0, 0, 10], text("five")),
    packet(0x82, u16(1), [0], text("fuzz/#"), [0x2e]),
    packet(0x30, text("fuzz/c"), [3, 0x23, 0, 1], Buffer.from("z")),
    packet(0xf0, [0x18, 0]),
    packet(0xe0, [0x04, 0]),
  ],
]

function mutate(bytes: Buffer, random: SeededRandom): Buffer {
  const damaged = Buffer.from(bytes)
  for (let i = random.below(4); i >= 0; i--) {
    const at = random.below(damaged.length)
    if (random.below(3) === 0) damaged[at] = random.below(256)
    else damaged[at]! ^= 1 << random.below(8)
  }
  switch (random.below(4)) {
    case 0:
      return damaged.subarray(0, random.below(damaged.length))
    case 1:
      return Buffer.concat([damaged, random.bytes(random.below(300))])
    case 2:
      return Buffer.concat([damaged.subarray(random.below(damaged.length)), damaged])
    default:
      return damaged
  }
}

describe("hostile connections", () => {
  let child: ChildProcess
  let port: number

  const ask = async () => {
    const answer = once(child, "message")
    child.send("memory")
    return ((await answer) as [{ rss: number; clients: number }])[0]
  }

  beforeEach(async () => {
    const script = join(import.meta.dirname, "fixtures/mqtt-broker-process.ts")
    child = fork(script, { execArgv: ["--expose-gc"], stdio: ["ignore", "inherit", "inherit", "ipc"] })
    port = ((await once(child, "message")) as [{ port: number }])[0].port
  })
  afterEach(async () => {
    const gone = once(child, "exit")
    child.disconnect()
    await gone
  })

  it("mutated packets of every version end no process, disturb nobody and leave no memory behind", async function () {
    const count = scaled(2000, 100_000)
    this.timeout(scaled(60_000, 600_000))
    const random = seededRandom(SEED)
    const [reader, writer] = [await WireClient.connected(port), await WireClient.connected(port)]
    await reader.subscribe("good/#", 1)
    const attack = async (rounds: number) => {
      for (let done = 0; done < rounds; done += 50) {
        await Promise.all(Array.from({ length: 50 }, () => attackOnce(port, random)))
        if (done % 500 !== 0) continue
        writer.send(publishPacket("good/x", `seed ${SEED} ${done}`, { qos: 1 }))
        assert.equal((await writer.next()).type, 4)
        const { payload, packetId } = await reader.nextPublish()
        assert.equal(payload, `seed ${SEED} ${done}`)
        reader.send(packet(0x40, u16(packetId)))
      }
    }
    await attack(count / 2)
    const before = await ask()
    await attack(count / 2)
    const after = await ask()
    assert.equal(child.exitCode, null)
    assert.ok(after.rss <= before.rss * 1.2, `RSS ${before.rss} -> ${after.rss}, seed ${SEED}`)
    await reader.quiet()
  })

  it("14 strangers who send 100 MB each cost at most 20 MB, and nobody else notices", async function () {
    this.timeout(60_000)
    const client = await WireClient.connected(port)
    const { rss: idle } = await ask()
    const bytes = scaled(20, 100) * MIB
    const strangers = Array.from({ length: 14 }, (_, i) => flood(port, FLOODS[i % FLOODS.length]!, bytes))
    let highest = 0
    let flooding = true
    const all = Promise.all(strangers).then(() => {
      flooding = false
    })
    while (flooding) {
      highest = Math.max(highest, (await ask()).rss)
      await client.quiet()
    }
    await all
    assert.ok(highest - idle <= 20 * MIB, `RSS ${idle} -> ${highest}`)
  })

  it("1,000 connections that say nothing keep nobody out", async function () {
    this.timeout(60_000)
    const count = scaled(600, 1000)
    const { rss: idle } = await ask()
    const sockets: Socket[] = []
    for (let i = 0; i < count; i++) {
      const socket = connect(port, "127.0.0.1")
      socket.on("error", () => {})
      await once(socket, "connect")
      sockets.push(socket)
    }
    const client = await WireClient.connected(port)
    await client.quiet()
    const { rss, clients } = await ask()
    assert.equal(clients, 1)
    assert.ok(rss - idle <= 50 * MIB, `RSS ${idle} -> ${rss}`)
    for (const socket of sockets) socket.destroy()
  })
})

/** One damaged conversation; resolves when the broker has closed it or nothing more is to be sent. */
async function attackOnce(port: number, random: SeededRandom): Promise<void> {
  const conversation = CONVERSATIONS[random.below(CONVERSATIONS.length)]!()
  const intact = random.below(2) === 0 ? conversation.slice(0, 1) : []
  const bytes = Buffer.concat([...intact, mutate(Buffer.concat(conversation.slice(intact.length)), random)])
  const socket = connect(port, "127.0.0.1")
  socket.on("error", () => {})
  socket.resume()
  const closed = once(socket, "close")
  socket.end(bytes)
  // A conversation that stays legal ends with our half-close.
  await closed
}

const FLOODS: readonly (() => Buffer)[] = [
  () => Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
  () => Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
  () => packet(0x10, text("MQTT"), [4, 2], u16(0), u16(4000)).subarray(0, 12),
  () => Buffer.alloc(0),
  () => connectPacket({ username: "x" }),
]

async function flood(port: number, head: () => Buffer, bytes: number): Promise<void> {
  const socket = connect(port, "127.0.0.1")
  let open = true
  socket.on("error", () => {})
  socket.once("close", () => {
    open = false
  })
  socket.write(head())
  const chunk = Buffer.alloc(64 * 1024, 0x41)
  for (let sent = 0; sent < bytes && open; sent += chunk.length) {
    if (socket.write(chunk)) continue
    await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => undefined)
  }
  socket.destroy()
}
