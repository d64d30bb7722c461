import assert from "node:assert/strict"
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"
import mqtt, { type MqttClient } from "mqtt"
import { canonicalJson } from "../../../../agent/base/canonical.ts"
import { sha256 } from "../../../../agent/base/hash.ts"
import { Answered } from "../../../../agent/io/remote-service/answered.ts"
import { checkRequest } from "../../../../agent/io/remote-service/request-check.ts"
import { REMOTE_EXECUTIONS_MAX } from "../../../../agent/base/limits.ts"
import {
  type ManifestInput,
  type RemoteHandlers,
  type RemoteServiceHandle,
  type RemoteTaskContext,
  remoteService,
} from "../../../../agent/sdk.ts"
import { startBroker, stopBrokers, type TestBroker } from "../../../support/mqtt-broker.ts"

interface Core {
  readonly key: string
  readonly privateKey: KeyObject
}

function newCore(): Core {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  return { key: Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url").toString("hex"), privateKey }
}

function signed(core: Core, fields: Record<string, unknown> = {}): Record<string, unknown> {
  const message = {
    execution: "ex_1.pay",
    task: "pay",
    inputs: { amount: 0.1, note: "händen \u0001 😀", "": null },
    deadline: new Date(Date.now() + 60_000).toISOString(),
    from: core.key,
    chain: "ab".repeat(32),
    ...fields,
  }
  const digest = sha256(Buffer.from(canonicalJson(message as never)))
  const chain = Buffer.from(message.chain, "hex")
  const bytes = Buffer.concat([Buffer.from("mesg/v1/service"), Buffer.from([0]), chain, digest])
  return { ...message, sig: sign(null, bytes, core.privateKey).toString("hex") }
}

const bytesOf = (message: unknown) => Buffer.from(JSON.stringify(message))

describe("a request to a service behind MQTT", () => {
  const core = newCore()
  const other = newCore()
  const check = (message: unknown) => checkRequest(bytesOf(message), core.key)

  it("counts when it is signed by the service's Core, with members that this version does not know", () => {
    assert.ok(check(signed(core)).ok)
    assert.ok(check(signed(core, { later: [1, { b: 1, a: 2 }] })).ok)
  })

  const good = signed(core)
  const bad: [string, unknown][] = [
    ["signed by another Core", signed(other)],
    ["signed by another Core that claims to be this one", signed(other, { from: core.key })],
    ["with other inputs", { ...good, inputs: { amount: 100 } }],
    ["for another task", { ...good, task: "refund" }],
    ["for another execution", { ...good, execution: "ex_2.pay" }],
    ["with a later deadline", { ...good, deadline: new Date(Date.now() + 1e9).toISOString() }],
    ["of another chain", { ...good, chain: "00".repeat(32) }],
    ["with a member added", { ...good, more: 1 }],
    ["without a signature", { ...good, sig: undefined }],
    ["with a signature of zeros", { ...good, sig: "00".repeat(64) }],
    ["with a short signature", { ...good, sig: "00" }],
    ["that is a list", [good]],
    ["that is null", null],
  ]
  for (const [name, message] of bad) it(`${name} does not count`, () => assert.ok(!check(message).ok))

  it("that is no JSON, or no UTF-8, does not count", () => {
    for (const bytes of [Buffer.from("{"), Buffer.from([0xff]), Buffer.alloc(0), randomBytes(1000)]) {
      assert.ok(!checkRequest(bytes, core.key).ok)
    }
  })
})

describe("what a service has answered", () => {
  it("is remembered for the latest executions, and running ones are bounded", () => {
    const answered = new Answered<number>()
    for (let i = 0; i < REMOTE_EXECUTIONS_MAX; i++) assert.equal(answered.begin(`${i}`), "new")
    assert.equal(answered.begin("0"), "running")
    assert.equal(answered.begin("more"), "full")
    for (let i = 0; i < REMOTE_EXECUTIONS_MAX; i++) answered.end(`${i}`, i)
    assert.deepEqual(answered.begin("0"), { answer: 0 })
    answered.begin("more")
    answered.end("more", 1)
    assert.equal(answered.begin("0"), "new", "the oldest made room")
  })
})

describe("a service behind MQTT, at a real broker", () => {
  const core = newCore()
  let broker: TestBroker
  let client: MqttClient
  let service: RemoteServiceHandle
  let results: { topic: string; body: Record<string, unknown> }[]
  let told: () => void
  let release: () => void
  const runs: string[] = []
  const log: string[] = []
  const MANIFEST: ManifestInput = { id: "pay", name: "Pay", version: "1.0.0" }
  const gated = async (_inputs: never, ctx: RemoteTaskContext) => {
    runs.push(ctx.execution)
    told()
    await new Promise<void>((resolve) => (release = resolve))
    return { status: "done" }
  }
  const handlers: RemoteHandlers = {
    tasks: {
      pay: (inputs: { amount: number }, ctx) => {
        runs.push(ctx.execution)
        return { status: "paid", data: { amount: inputs.amount } }
      },
      slow: gated,
    },
    verify: { pay: (_inputs, result) => result.status === "paid" },
    recover: { pay: () => "not-done" },
  }

  before(async () => {
    broker = await startBroker({
      // The Core's part of a registration: the verdict, before the manifest is acknowledged.
      prepare: (own) =>
        own.subscribe("mesg/v1/+/manifest", async ({ topic }) => {
          const status = topic.replace("/manifest", "/status")
          await own.publish({ topic: status, payload: Buffer.from("ok"), qos: 1, retain: true })
        }),
    })
    client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 4 })
    client.on("message", (topic, payload) => {
      results.push({ topic, body: JSON.parse(String(payload)) as Record<string, unknown> })
      told()
    })
    await client.subscribeAsync("mesg/v1/pay/result/+", { qos: 1 })
    service = await remoteService(MANIFEST, handlers, {
      mqtt: () => `mqtt://127.0.0.1:${broker.port}`,
      core: core.key,
      log: (_level, message, fields) => void log.push(`${message}: ${JSON.stringify(fields)}`),
    })
  })
  after(async () => {
    await service?.stop()
    await client?.endAsync(true)
    await stopBrokers()
  })
  beforeEach(() => {
    results = []
    runs.length = 0
    log.length = 0
    told = () => undefined
  })

  const send = (kind: string, message: Record<string, unknown>, task = String(message["task"])) =>
    client.publishAsync(`mesg/v1/pay/${kind}/${task}`, JSON.stringify(message), { qos: 1 })
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (told = resolve))
  }
  /** Requests are served in the order they come: once this one is answered, those before it have been seen. */
  async function flush(): Promise<void> {
    await send("task", signed(core, { execution: `ex_flush${Math.random()}.pay` }))
    await until(() => results.some((result) => result.topic.includes("ex_flush")))
    results = results.filter((result) => !result.topic.includes("ex_flush"))
    runs.pop()
  }

  it("runs an execution once, and gives the same answer to every repeat", async () => {
    const request = signed(core, { execution: "ex_once.pay" })
    await send("task", request)
    await until(() => results.length === 1)
    await send("task", request)
    await until(() => results.length === 2)
    assert.deepEqual(results[0], {
      topic: "mesg/v1/pay/result/ex_once.pay",
      body: { status: "paid", data: { amount: 0.1 } },
    })
    assert.deepEqual(results[1], results[0])
    assert.deepEqual(runs, ["ex_once.pay"])
  })

  it("takes another manifest while it works: what runs is answered, what comes later goes to the new handlers", async () => {
    const manifests: string[] = []
    const watcher = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 4 })
    watcher.on("message", (_topic, payload) => {
      manifests.push((JSON.parse(String(payload)) as { version: string }).version)
    })
    await watcher.subscribeAsync("mesg/v1/pay/manifest", { qos: 1 })
    try {
      const before = { tasks: { later: () => ({ status: "old" }), slow: gated } }
      await service.update({ id: "pay", name: "Pay", version: "1.1.0" }, before)
      await send("task", signed(core, { execution: "ex_kept.slow", task: "slow" }))
      await until(() => runs.includes("ex_kept.slow"))
      await service.update(
        { id: "pay", name: "Pay", version: "1.2.0" },
        { tasks: { later: () => ({ status: "new" }) } },
      )
      await send("task", signed(core, { execution: "ex_new.later", task: "later" }))
      await until(() => results.length === 1)
      assert.deepEqual(results[0]!.body, { status: "new", data: {} })
      release()
      await until(() => results.length === 2)
      assert.deepEqual(results[1]!.body, { status: "done", data: {} })
      assert.deepEqual(manifests.slice(-2), ["1.1.0", "1.2.0"])
    } finally {
      await watcher.endAsync(true)
      await service.update(MANIFEST, handlers)
    }
  })

  it("gives up waiting for a verdict, and is no service of another id", async () => {
    const signal = AbortSignal.abort()
    await assert.rejects(service.update(MANIFEST, handlers, signal), { code: "REMOTE_UNREACHABLE" })
    await assert.rejects(service.update({ ...MANIFEST, id: "other" }, handlers), TypeError)
  })

  it("says nothing of what gave up because its time was over: the Core ends that itself", async () => {
    let gaveUp = false
    const givesUp = (_inputs: never, { signal }: RemoteTaskContext) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error)
          gaveUp = true
          told()
        })
      })
    await service.update(MANIFEST, { tasks: { ...handlers.tasks, slow: givesUp } })
    const deadline = new Date(Date.now() + 300).toISOString()
    await send("task", signed(core, { execution: "ex_late.slow", task: "slow", deadline }))
    await until(() => gaveUp)
    await flush()
    assert.deepEqual(results, [])
    await service.update(MANIFEST, handlers)
  })

  it("does not begin what is running already", async () => {
    const request = signed(core, { execution: "ex_slow.slow", task: "slow" })
    await send("task", request)
    await until(() => runs.length === 1)
    await send("task", request)
    await flush()
    release()
    await until(() => results.length === 1)
    assert.deepEqual([runs, results.length], [["ex_slow.slow"], 1])
  })

  it("drops what is not its Core's, for another task, or too late, and answers nothing", async () => {
    await send("task", signed(newCore()))
    await send("task", signed(core, { execution: "ex_a.pay" }), "slow")
    await send("task", signed(core, { execution: "ex_b.pay", deadline: new Date(Date.now() - 1).toISOString() }))
    await flush()
    assert.deepEqual([runs, results], [[], []])
    assert.equal(log.length, 3)
    assert.match(log.join("\n"), /not from this service's Core[\s\S]*is for another task[\s\S]*is past its deadline/)
  })

  it("says what it cannot do, judges results and says what became of an interrupted task", async () => {
    const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
      ["task", { task: "refund" }, { error: { code: "TASK_UNKNOWN", message: "pay cannot task refund" } }],
      ["verify", { result: { status: "paid", data: {} } }, { status: "correct", data: {} }],
      ["verify", { result: { status: "lost", data: {} } }, { status: "incorrect", data: {} }],
      ["recover", {}, { error: { code: "NOT_DONE", message: "pay had not been done" } }],
    ]
    for (const [i, [kind, fields, body]] of cases.entries()) {
      await send(kind, signed(core, { execution: `ex_${i}${kind}.pay`, ...fields }))
      await until(() => results.length === i + 1)
      assert.deepEqual(results[i]?.body, body)
    }
  })
})
