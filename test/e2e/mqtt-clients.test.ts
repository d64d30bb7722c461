import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt"
import WebSocket from "ws"
import type { Authenticate } from "../../agent/ports/broker.ts"
import { MemoryStore } from "../support/memory-store.ts"
import { OWNER, startBroker, stopBroker, stopBrokers } from "../support/mqtt-broker.ts"
import { scaled } from "../support/scale.ts"

/** Runs a program to its end. @returns what it wrote */
async function run(command: string, args: readonly string[], input = ""): Promise<string> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] })
  let out = ""
  let err = ""
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString()
  })
  child.stdin.end(input)
  const [code] = (await once(child, "close")) as [number]
  assert.equal(code, 0, `${command}: ${err}`)
  return out
}

describe("real clients", () => {
  let folder: string
  let http: Server
  const file = (name: string) => join(folder, name)

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mqtt-tls-"))
    const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" })
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.pem")
    for (const [name, subject] of [
      ["server", "/CN=localhost"],
      ["client", "/CN=meter-7"],
    ] as const) {
      openssl("req", ...key, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`)
      openssl(
        ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
        ...["-days", "2", "-out", `${name}.pem`],
      )
    }
    openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=meter-7", "-keyout", "fake.key", "-out", "fake.pem")
  })
  after(() => rmSync(folder, { recursive: true }))
  afterEach(async () => {
    http?.close()
    await stopBrokers()
  })

  const tls = () => ({ port: 0, cert: file("server.pem"), key: file("server.key"), ca: file("ca.pem") })

  it("mosquitto_pub and mosquitto_sub, over TCP and TLS, QoS 0 to 2", async () => {
    const { port, tlsPort, broker } = await startBroker({ mqtt: { tls: tls() } })
    for (const ways of [
      ["-p", String(port)],
      ["-p", String(tlsPort), "--cafile", file("ca.pem"), "-h", "localhost", "--insecure"],
    ])
      for (const qos of ["0", "1", "2"]) {
        const topic = `real/${ways.length}/${qos}`
        const retained = ["-r", "-q", qos === "0" ? "1" : qos, "-m", "kept"]
        await run("mosquitto_pub", [...ways, "-t", `${topic}/retained`, ...retained])
        const subscriber = run("mosquitto_sub", [...ways, "-t", `${topic}/#`, "-q", qos, "-C", "3", "-W", "10"])
        // The retained message arrives with the subscription: what is published after it is seen.
        await until(() => broker.clients().length > 0)
        await until(() => broker.wanted(`${topic}/live`))
        await run("mosquitto_pub", [...ways, "-t", `${topic}/live`, "-q", qos, "-l"], "one\ntwo\n")
        assert.equal(await subscriber, "kept\none\ntwo\n")
      }
  })

  it("paho, over TCP and WebSocket, QoS 2 both ways", async () => {
    const { broker, port } = await startBroker()
    http = createServer().on("upgrade", broker.websocket())
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve))
    const script = `
import sys, paho.mqtt.client as mqtt
c = mqtt.Client(client_id="paho", clean_session=True, transport=sys.argv[2])
if sys.argv[2] == "websockets": c.ws_set_options(path="/mqtt")
got = []
def on_message(c, u, m):
    got.append(m.payload.decode())
    if len(got) == 20: c.disconnect()
c.on_message = on_message
c.on_connect = lambda c, u, f, rc: c.subscribe("paho/#", 2)
c.on_subscribe = lambda c, u, mid, q: [c.publish("paho/x", str(i), 2) for i in range(20)]
c.connect("127.0.0.1", int(sys.argv[1]))
c.loop_forever()
print(",".join(got))
`
    for (const [at, transport] of [
      [port, "tcp"],
      [(http.address() as AddressInfo).port, "websockets"],
    ] as const)
      assert.equal(
        await run("/usr/bin/python3", ["-c", script, String(at), transport]),
        `${Array.from({ length: 20 }, (_, i) => i).join(",")}\n`,
      )
  })

  it("a client certificate of our CA names the client; a forged one does not", async () => {
    const seen: (string | null)[] = []
    const authenticate: Authenticate = ({ certificate, transport }) => {
      assert.equal(transport, "tls")
      seen.push(certificate)
      return Promise.resolve(certificate === "meter-7" ? OWNER : null)
    }
    const { tlsPort } = await startBroker({ mqtt: { tls: tls() }, authenticate })
    const common = ["-h", "localhost", "-p", String(tlsPort), "--cafile", file("ca.pem"), "-t", "t", "-m", "x"]
    await run("mosquitto_pub", [...common, "--cert", file("client.pem"), "--key", file("client.key")])
    await assert.rejects(run("mosquitto_pub", [...common, "--cert", file("fake.pem"), "--key", file("fake.key")]))
    await assert.rejects(run("mosquitto_pub", common))
    assert.deepEqual(seen, ["meter-7", null, null])
  })

  it("many small packets in one WebSocket frame, and one packet in many, all arrive", async () => {
    // Node 26: Readable.read() gives one chunk; a broker that reads once per event stalls here.
    const { broker } = await startBroker()
    http = createServer().on("upgrade", broker.websocket())
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve))
    const client = await connectAsync(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`, FOUR)
    const got: string[] = []
    const all = Promise.withResolvers<void>()
    client.on("message", (_topic, payload) => {
      got.push(payload.subarray(0, 8).toString().trim())
      if (got.length === 500) all.resolve()
    })
    await client.subscribeAsync("ws/#", { qos: 1 })
    const sent = Array.from({ length: 500 }, (_, i) =>
      client.publishAsync("ws/x", String(i).padEnd(i % 50 === 0 ? 100_000 : 10), { qos: 1 }),
    )
    await Promise.all(sent)
    await all.promise
    assert.deepEqual(
      got,
      Array.from({ length: 500 }, (_, i) => String(i)),
    )
    await client.endAsync()
  })

  it("a page of a strange Origin opens no WebSocket", async () => {
    const { broker } = await startBroker({ allowOrigin: (origin) => origin === null || origin === "http://ours" })
    http = createServer().on("upgrade", broker.websocket())
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve))
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`
    const status = (origin: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url, "mqtt", { headers: { origin } })
        socket.once("open", () => {
          socket.close()
          resolve("open")
        })
        socket.once("error", ({ message }) => resolve(message))
      })
    assert.equal(await status("http://ours"), "open")
    assert.match(await status("http://evil"), /403/)
  })

  for (const qos of [1, 2] as const)
    it(`QoS ${qos} over lost connections and broker restarts: nothing lost${qos === 2 ? ", nothing doubled" : ""}`, async function () {
      const count = scaled(300, 10_000)
      this.timeout(scaled(30_000, 300_000))
      let store = new MemoryStore()
      const handled: number[] = []
      const prepare: Parameters<typeof startBroker>[0] = {
        prepare: (broker) =>
          void broker.subscribe("flow", ({ payload }) => void handled.push(Number(Buffer.from(payload).toString()))),
      }
      let current = await startBroker({ ...prepare, store })
      const { port } = current
      const options: IClientOptions = { ...FOUR, clean: false, reconnectPeriod: 20, port, host: "127.0.0.1" }
      const subscriber = await connectAsync({ ...options, clientId: "subscriber" })
      const publisher = await connectAsync({ ...options, clientId: "publisher" })
      const got: number[] = []
      const done = Promise.withResolvers<void>()
      const distinct = new Set<number>()
      subscriber.on("message", (_topic, payload) => {
        const value = Number(payload.toString())
        got.push(value)
        distinct.add(value)
        if (distinct.size === count) done.resolve()
      })
      await subscriber.subscribeAsync("flow", { qos })
      const published: Promise<unknown>[] = []
      for (let i = 0; i < count; i++) {
        published.push(publishSurely(publisher, "flow", String(i), qos))
        if (i % 50 === 25) dropStream(i % 100 === 25 ? publisher : subscriber)
        if (i % Math.ceil(count / 3) === 60) {
          // A restart finds what was committed, nothing else.
          const crashed = store.crash()
          await stopBroker(current.broker)
          store = crashed
          current = await startBroker({ ...prepare, store, mqtt: { port } })
        }
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(published)
      await done.promise
      assert.equal(distinct.size, count)
      assert.equal(new Set(handled).size, count)
      if (qos === 2) {
        assert.equal(got.length, count, "the subscriber has each once")
        assert.equal(handled.length, count, "the agent has each once")
      }
      await Promise.all([subscriber.endAsync(true), publisher.endAsync(true)])
    })
})

const FOUR: IClientOptions = { protocolVersion: 4, reconnectPeriod: 0 }

/** mqtt.js fails what it is asked to publish while it resends after a reconnect: it was not sent, so it is asked again. */
async function publishSurely(client: MqttClient, topic: string, payload: string, qos: 1 | 2): Promise<void> {
  const failed = await client.publishAsync(topic, payload, { qos }).then(
    () => null,
    (error: Error) => error,
  )
  if (failed === null) return
  if (failed.message !== "Connection closed") throw failed
  await publishSurely(client, topic, payload, qos)
}

function dropStream(client: MqttClient): void {
  if (client.connected) client.stream.destroy()
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("the condition did not come true in 5 s")
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
