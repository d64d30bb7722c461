import assert from "node:assert/strict"
import { join } from "node:path"
import { peerIdFromString } from "@libp2p/peer-id"
import { toHex, utf8 } from "../../../../agent/base/bytes.ts"
import { isMesgError } from "../../../../agent/base/errors.ts"
import {
  PEER_ANSWER_BYTES_MAX,
  PEER_BAN_MS,
  PEER_FAULTS_BURST,
  PEER_REQUEST_BYTES_MAX,
  PEER_REQUESTS_BURST,
} from "../../../../agent/base/network-limits.ts"
import { openKeys } from "../../../../agent/io/keys/keys.ts"
import type { Question } from "../../../../agent/ports/peers.ts"
import {
  areConnected,
  hears,
  say,
  startLiar,
  startPeers,
  stopPeers,
  takenPort,
  topicOf,
} from "../../../support/peers.ts"
import { tempDir } from "../../../support/temp-dir.ts"
import { until } from "../../../support/until.ts"

const WAIT_MS = 20_000

describe("peers", function () {
  this.timeout(60_000)
  afterEach(stopPeers)

  describe("a node", () => {
    it("has the node key's name, and says where it is", async () => {
      const keys = openKeys(join(tempDir("peers"), "keys"))
      const peers = await startPeers({ keys })
      assert.equal(toHex(peerIdFromString(peers.name).publicKey!.raw), keys.nodeKey)
      assert.match(peers.addresses()[0]!, /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/p2p\/12D3Koo\w+$/)
      assert.ok(peers.addresses()[0]!.endsWith(`/p2p/${peers.name}`))
    })

    it("says that its port is taken", async () => {
      const taken = await takenPort()
      await assert.rejects(
        startPeers({ listen: { address: "127.0.0.1", port: taken.port } }),
        (error) => isMesgError(error) && error.code === "PEERS_NOT_LISTENING",
      )
      taken.free()
    })

    for (const address of [
      "here",
      "/ip4/127.0.0.1/tcp/6375",
      "/ip4/127.0.0.1/tcp/1/p2p/nobody",
      `/dns/${"a".repeat(300)}`,
    ])
      it(`takes no address that names nobody: ${address.slice(0, 40)}`, async () => {
        await assert.rejects(
          startPeers({ known: [address] }),
          (error) => isMesgError(error) && error.code === "PEER_ADDRESS_INVALID",
        )
      })

    it("comes back to who was away", async () => {
      const keys = openKeys(join(tempDir("peers"), "keys"))
      const first = await startPeers({ keys })
      const port = Number(/tcp\/(\d+)/.exec(first.addresses()[0]!)![1])
      const other = await startPeers({ known: first.addresses() })
      await areConnected(first, other)
      await first.stop()
      await until(() => other.connected().length === 0, WAIT_MS, "the end of the connection", 5)
      await areConnected(await startPeers({ keys, listen: { address: "127.0.0.1", port } }), other)
    })

    it("meets nobody who is not admitted", async () => {
      const host = await startPeers({ admits: (peer) => peer === guest?.name })
      const stranger = await startPeers({ known: host.addresses() })
      const guest: Awaited<ReturnType<typeof startPeers>> | undefined = await startPeers({ known: host.addresses() })
      await areConnected(host, guest)
      assert.deepEqual(host.connected(), [guest.name])
      assert.equal((await stranger.ask(host.name, "any", utf8(""))).ok, false)
    })
  })

  describe("messages", () => {
    it("reach who knows nobody that said them, once they were judged on the way", async () => {
      const [a, b, c] = [topicOf("t"), topicOf("t"), topicOf("t")]
      const middle = await startPeers({ topics: [b] })
      const left = await startPeers({ topics: [a], known: middle.addresses() })
      const right = await startPeers({ topics: [c], known: middle.addresses() })
      await areConnected(middle, left)
      await areConnected(middle, right)
      await say(left, "t", "hello", () => hears(c, "hello"))
      assert.equal(b.heard[0]!.trim(), "hello")
      assert.equal(c.heard[0]!.trim(), "hello")
      assert.deepEqual(a.heard, [], "nobody hears itself")
      assert.equal(right.connected().includes(left.name), false)
    })

    for (const verdict of ["ignore", "reject"] as const)
      it(`go no further where the verdict is ${verdict}`, async () => {
        const middles = topicOf("t", (_, bytes) => (bytes[0] === "x".charCodeAt(0) ? verdict : "accept"))
        const rights = topicOf("t")
        const middle = await startPeers({ topics: [middles] })
        const left = await startPeers({ topics: [topicOf("t")], known: middle.addresses() })
        const right = await startPeers({ topics: [rights], known: middle.addresses() })
        await areConnected(middle, left)
        await areConnected(middle, right)
        await say(left, "t", "y before", () => hears(rights, "y before"))
        await say(left, "t", "x", () => hears(middles, "x"))
        await say(left, "t", "y after", () => hears(rights, "y after"))
        assert.equal(hears(rights, "x"), false)
      })

    it("that are false keep their sender away, for a time", async () => {
      let nowMs = 0
      const hosts = topicOf("t", () => "reject")
      const host = await startPeers({ topics: [hosts], clock: { elapsed: () => nowMs } })
      const liar = await startPeers({ topics: [topicOf("t")], known: host.addresses() })
      await areConnected(host, liar)
      for (let i = 0; i <= PEER_FAULTS_BURST; i++) await say(liar, "t", `lie ${i}`, () => hears(hosts, `lie ${i}`))
      await until(() => host.connected().length === 0, WAIT_MS, "the end of the connection", 5)
      nowMs = PEER_BAN_MS
      await areConnected(host, liar)
    })

    it("that are longer than those of their topic may be are not judged", async () => {
      const hosts = topicOf("t")
      const host = await startPeers({ topics: [hosts] })
      const other = await startPeers({ topics: [topicOf("t")], known: host.addresses() })
      await areConnected(host, other)
      await say(other, "t", "short", () => hears(hosts, "short"))
      await other.publish("t", utf8("l".repeat(101)))
      await say(other, "t", "next", () => hears(hosts, "next"))
      assert.equal(hears(hosts, "l"), false)
    })
  })

  describe("questions", () => {
    const never = new Promise<Uint8Array>(() => undefined)
    const echo: Question = { name: "echo", answer: (_, request) => Promise.resolve(request) }
    const others: readonly Question[] = [
      echo,
      { name: "nothing", answer: () => Promise.resolve(null) },
      { name: "error", answer: () => Promise.reject(new Error("planted")) },
      { name: "never", answer: () => never },
      { name: "too-long", answer: () => Promise.resolve(new Uint8Array(PEER_ANSWER_BYTES_MAX + 1)) },
      { name: "longest", answer: () => Promise.resolve(new Uint8Array(PEER_ANSWER_BYTES_MAX).fill(7)) },
    ]

    async function pair() {
      const host = await startPeers({ questions: others, clock: { elapsed: () => 0 } })
      const guest = await startPeers({ known: host.addresses() })
      await areConnected(host, guest)
      const ask = (name: string, request = utf8("?"), signal?: AbortSignal) =>
        guest.ask(host.name, name, request, signal)
      return { host, guest, ask }
    }

    it("are answered, up to the longest request and answer", async () => {
      const { ask } = await pair()
      assert.deepEqual(await ask("echo", utf8("hello")), { ok: true, bytes: utf8("hello") })
      assert.deepEqual(await ask("echo", new Uint8Array()), { ok: true, bytes: new Uint8Array() })
      const request = new Uint8Array(PEER_REQUEST_BYTES_MAX).fill(3)
      assert.deepEqual(await ask("echo", request), { ok: true, bytes: request })
      const answer = await ask("longest")
      assert.ok(answer.ok && answer.bytes.length === PEER_ANSWER_BYTES_MAX && answer.bytes.every((byte) => byte === 7))
    })

    it("get no answer where there is none to give", async () => {
      const { ask } = await pair()
      for (const name of ["nothing", "error", "unknown", "too-long"])
        assert.deepEqual(await ask(name), { ok: false, code: "PEER_BROKE_OFF" }, name)
    })

    it("are not waited for longer than the caller waits", async () => {
      const { ask } = await pair()
      const ending = new AbortController()
      const asked = ask("never", utf8("?"), ending.signal)
      ending.abort()
      assert.deepEqual(await asked, { ok: false, code: "PEER_SILENT" })
    })

    it("go to nobody who is away", async () => {
      const { guest } = await pair()
      const away = await startPeers()
      assert.deepEqual(await guest.ask(away.name, "echo", utf8("?")), { ok: false, code: "PEER_AWAY" })
    })

    it("are too many at some point", async () => {
      const { ask } = await pair()
      for (let i = 0; i < PEER_REQUESTS_BURST; i++) assert.equal((await ask("echo")).ok, true)
      assert.deepEqual(await ask("echo"), { ok: false, code: "PEER_BUSY" })
    })

    for (const { bytes, code } of [
      { bytes: [0xff, 0xff, 0xff, 0xff, 0], code: "ANSWER_TOO_LONG" },
      { bytes: [0, 0, 0, 2, 0, 1, 1], code: "ANSWER_TOO_LONG" },
      { bytes: [0, 0, 0, 9, 0, 1], code: "PEER_BROKE_OFF" },
      { bytes: [0, 0], code: "PEER_BROKE_OFF" },
      { bytes: [0, 0, 0, 0], code: "PEER_BROKE_OFF" },
      { bytes: [0, 0, 0, 1, 99], code: "PEER_BROKE_OFF" },
    ])
      it(`take ${toHex(Uint8Array.from(bytes))} for no answer: ${code}`, async () => {
        const guest = await startPeers()
        const liar = await startLiar("echo", Uint8Array.from(bytes), guest.addresses())
        try {
          await until(() => guest.connected().length === 1, WAIT_MS, "a connection", 5)
          assert.deepEqual(await guest.ask(guest.connected()[0]!, "echo", utf8("?")), { ok: false, code })
        } finally {
          await liar.stop()
        }
      })

    it("that nobody correct asks keep who asks them away", async () => {
      const { host, ask } = await pair()
      for (let i = 0; i <= PEER_FAULTS_BURST; i++) await ask("echo", new Uint8Array(PEER_REQUEST_BYTES_MAX + 1))
      await until(() => host.connected().length === 0, WAIT_MS, "the end of the connection", 5)
    })
  })
})
