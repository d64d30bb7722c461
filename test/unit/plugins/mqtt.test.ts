import assert from "node:assert/strict"
import { execFile, execFileSync } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { promisify } from "node:util"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import mqtt from "mqtt"
import type { ServiceBridge } from "../../../agent/ports/service-host.ts"
import { type Mosquitto, startMosquitto } from "../../support/mosquitto.ts"
import { startBroker, stopBrokers, type TestBroker } from "../../support/mqtt-broker.ts"
import { type Plugin, runPlugin } from "../../support/run-plugin.ts"
import { RecordingBridge } from "../../support/service-bridge.ts"
import { tempDir } from "../../support/temp-dir.ts"
import { until } from "../../support/until.ts"

/** The bridge with the agent's real broker behind it. */
class BrokerBridge extends RecordingBridge {
  readonly #broker: TestBroker["broker"]

  constructor(broker: TestBroker["broker"]) {
    super()
    this.#broker = broker
  }

  override publish: ServiceBridge["publish"] = (topic, payload, { qos, retain }) =>
    this.#broker.publish({ topic, payload, qos, retain })

  override subscribe: ServiceBridge["subscribe"] = (filter, handler) =>
    this.#broker.subscribe(filter, (message) =>
      handler(message.topic, message.payload, { qos: message.qos, retained: message.replayed }),
    )
}

describe("the service mqtt", function () {
  this.timeout(20_000)
  let agent: TestBroker
  let bridge: BrokerBridge
  let plugin: Plugin<BrokerBridge> | undefined
  let other: Mosquitto | undefined

  beforeEach(async () => {
    agent = await startBroker()
    bridge = new BrokerBridge(agent.broker)
  })
  afterEach(async () => {
    await plugin?.stop()
    await other?.stop()
    plugin = undefined
    other = undefined
    await stopBrokers()
  })

  const pub = (port: number, ...args: string[]) =>
    promisify(execFile)("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), "-q", "1", ...args])
  const run = async (config: object) => {
    plugin = await runPlugin("mqtt", config as never, bridge)
    return plugin
  }
  const datas = () => bridge.events.map((event) => event.data as Record<string, unknown>)

  describe("on the agent's own broker", () => {
    const payloads: { name: string; bytes: Buffer; text?: string; json?: unknown }[] = [
      { name: "JSON", bytes: Buffer.from(`{"kwh":3.5}`), text: `{"kwh":3.5}`, json: { kwh: 3.5 } },
      { name: "a number", bytes: Buffer.from("21.5"), text: "21.5", json: 21.5 },
      { name: "text", bytes: Buffer.from("händen"), text: "händen" },
      { name: "bytes", bytes: Buffer.from([0, 255, 254]) },
      { name: "nothing", bytes: Buffer.alloc(0), text: "" },
      {
        name: "JSON that nests too deep",
        bytes: Buffer.from("[".repeat(100) + "]".repeat(100)),
        text: "[".repeat(100) + "]".repeat(100),
      },
    ]
    for (const { name, bytes, ...parts } of payloads) {
      it(`${name} becomes an event before the publisher is acknowledged`, async () => {
        await run({ topics: ["plug/+/power"] })
        const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${agent.port}`, { protocolVersion: 4 })
        await client.publishAsync("plug/1/power", bytes, { qos: 1 })
        assert.deepEqual(datas(), [
          {
            broker: "agent",
            topic: "plug/1/power",
            payload: bytes.toString("base64"),
            qos: 1,
            retained: false,
            ...parts,
          },
        ])
        await client.endAsync(true)
      })
    }

    it("takes every topic but the agent's own, if none is named", async () => {
      await run({})
      for (const topic of ["a", "b/c", "mesg/v1/x/status", "mesg/other"]) await pub(agent.port, "-t", topic, "-m", "x")
      assert.deepEqual(
        datas().map((data) => data["topic"]),
        ["a", "b/c", "mesg/other"],
      )
    })

    it("what was retained before becomes no event, or one where the owner says so; what is retained now does", async () => {
      await pub(agent.port, "-t", "state/1", "-m", "old", "-r")
      await run({ topics: ["state/#"] })
      await pub(agent.port, "-t", "state/1", "-m", "new", "-r")
      assert.deepEqual(
        datas().map((data) => [data["text"], data["retained"]]),
        [["new", false]],
      )
      await plugin?.stop()
      bridge.events.length = 0
      await run({ topics: ["state/#"], retained: "report" })
      await bridge.until(() => bridge.events.length === 1, "the retained one")
      assert.deepEqual(
        datas().map((data) => [data["text"], data["retained"]]),
        [["new", true]],
      )
    })

    it("a publisher is not acknowledged while the agent takes no event, and sends again", async () => {
      await run({ topics: ["a"] })
      bridge.refuse = Object.assign(new Error("overloaded"), { code: "OVERLOADED" })
      const client = mqtt.connect(`mqtt://127.0.0.1:${agent.port}`, {
        protocolVersion: 4,
        clean: false,
        clientId: "p",
        reconnectPeriod: 50,
      })
      client.on("error", () => undefined)
      const closed = new Promise<void>((resolve) => client.once("close", () => resolve()))
      const published = client.publishAsync("a", "1", { qos: 1 })
      await closed
      bridge.refuse = null
      await published
      assert.deepEqual(
        datas().map((data) => data["text"]),
        ["1"],
      )
      await client.endAsync(true)
    })

    it("a message that can never be an event is acknowledged and told in the log", async () => {
      await run({ topics: ["a"] })
      bridge.refuse = Object.assign(new Error("too large"), { code: "EVENT_TOO_LARGE" })
      await pub(agent.port, "-t", "a", "-m", "x")
      assert.ok(bridge.lines.some((line) => line.level === "warn" && line.fields["topic"] === "a"))
    })

    it("takes no inputs without a payload, nor bytes that are no base64: what is retained would be gone", async () => {
      const service = await run({ topics: [] })
      for (const more of [{}, { base64: "!!!" }, { payload: "a", base64: "YQ==" }])
        await assert.rejects(service.call("publish", { topic: "lamp", retain: true, ...more }), /inputs of publish/)
    })

    it("publishes text, JSON and bytes, retained too", async () => {
      const service = await run({ topics: [] })
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${agent.port}`, { protocolVersion: 4 })
      const seen: [string, string, boolean][] = []
      const three = Promise.withResolvers<void>()
      client.on("message", (topic, payload, packet) => {
        seen.push([topic, payload.toString("hex"), packet.retain])
        if (seen.length === 3) three.resolve()
      })
      await service.result("publish", { topic: "l/kept", payload: "on", retain: true })
      await client.subscribeAsync("l/#", { qos: 1 })
      assert.deepEqual(await service.result("publish", { topic: "l/json", payload: { on: 1 } }), ["published", {}])
      assert.deepEqual(await service.result("publish", { topic: "l/bytes", base64: "/wA=" }), ["published", {}])
      await three.promise
      assert.deepEqual(seen, [
        ["l/kept", Buffer.from("on").toString("hex"), true],
        ["l/json", Buffer.from(`{"on":1}`).toString("hex"), false],
        ["l/bytes", "ff00", false],
      ])
      await client.endAsync(true)
      for (const topic of ["a/#", "a\0b", "$SYS/x"]) {
        assert.equal(((await service.result("publish", { topic, payload: "" })) as string[])[0], "rejected", topic)
      }
    })
  })

  for (const version of ["3.1.1", "5"] as const) {
    describe(`on another broker, MQTT ${version}`, () => {
      it("turns its messages into events and publishes to it, with the password", async () => {
        const folder = tempDir("passwd")
        const file = join(folder, "passwd")
        writeFileSync(file, "")
        execFileSync("mosquitto_passwd", ["-b", file, "agent", "canary-password"], { stdio: "ignore" })
        other = await startMosquitto(["allow_anonymous false", `password_file ${file}`])
        const config = {
          topics: [],
          brokers: { plant: { url: other.url, version, username: "agent", topics: ["m/#"] } },
        }
        const service = await run({ ...config, passwords: { plant: "canary-password" } })
        await bridge.until(() => bridge.lines.some((line) => line.message === "connected"), "connected")
        assert.deepEqual(await service.result("publish", { broker: "plant", topic: "m/1", payload: { a: 1 } }), [
          "published",
          {},
        ])
        await bridge.until(() => bridge.events.length === 1, "the message came back")
        assert.deepEqual(datas()[0], {
          broker: "plant",
          topic: "m/1",
          payload: Buffer.from(`{"a":1}`).toString("base64"),
          text: `{"a":1}`,
          json: { a: 1 },
          qos: 1,
          retained: false,
        })
        assert.ok(!JSON.stringify([bridge.lines, bridge.events]).includes("canary"), "the password stays secret")
      })

      it("loses nothing that was published while it was away: the broker keeps a session for it", async () => {
        other = await startMosquitto()
        const config = { topics: [], brokers: { plant: { url: other.url, version, topics: ["m"] } } }
        const first = await run(config)
        await bridge.until(() => bridge.lines.some((line) => line.message === "connected"), "connected")
        await first.result("publish", { broker: "plant", topic: "m", payload: "0" })
        await bridge.until(() => bridge.events.length === 1, "subscribed")
        await first.stop()
        for (let i = 1; i <= 5; i++) await pub(other.port, "-t", "m", "-m", String(i))
        await run(config)
        await bridge.until(() => bridge.events.length === 6, "all of them")
        assert.deepEqual(
          datas().map((data) => data["text"]),
          ["0", "1", "2", "3", "4", "5"],
        )
      })

      it("rejects a publication while the broker is away, and goes on when it is back", async () => {
        other = await startMosquitto()
        const service = await run({ topics: [], brokers: { plant: { url: other.url, version, topics: ["m"] } } })
        const connections = () => bridge.lines.filter((line) => line.message === "connected").length
        await bridge.until(() => connections() === 1, "connected")
        await other.stop()
        await bridge.until(() => bridge.lines.some((line) => line.message === "the broker is away"), "away")
        assert.equal(
          ((await service.result("publish", { broker: "plant", topic: "m", payload: "1" })) as string[])[0],
          "rejected",
        )
        await other.start()
        await bridge.until(() => connections() === 2, "connected again")
        assert.deepEqual(await service.result("publish", { broker: "plant", topic: "m", payload: "2" }), [
          "published",
          {},
        ])
        await bridge.until(() => datas().some((data) => data["text"] === "2"), "back")
      })
    })
  }

  it("subscribes again where its session is there without the subscription, cut before the broker had it", async () => {
    let connections = 0
    const subscribed: number[] = []
    const server = createServer((socket) => {
      const connection = ++connections
      socket.on("data", (packet: Buffer) => {
        const kind = packet[0]! >> 4
        // CONNACK of 3.1.1, the second time with "session present".
        if (kind === 1) socket.write(Buffer.from([0x20, 2, connection > 1 ? 1 : 0, 0]))
        if (kind !== 8) return
        subscribed.push(connection)
        if (connection === 1) socket.destroy()
      })
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
    const { port } = server.address() as AddressInfo
    try {
      await run({ topics: [], brokers: { cut: { url: `mqtt://127.0.0.1:${port}`, version: "3.1.1", topics: ["m"] } } })
      await until(() => subscribed.includes(2), 15_000, "the second subscription")
    } finally {
      await plugin?.stop()
      plugin = undefined
      server.close()
    }
  })

  it("a broker that is not there keeps nobody from starting", async () => {
    const service = await run({ brokers: { gone: { url: "mqtt://127.0.0.1:1" } } })
    await pub(agent.port, "-t", "a", "-m", "x")
    assert.equal(datas().length, 1)
    assert.equal(
      ((await service.result("publish", { broker: "gone", topic: "m", payload: "1" })) as string[])[0],
      "rejected",
    )
  })
})
