import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { duplexPair } from "node:stream"
import { mock } from "node:test"
import type { TaskExecutionId } from "../../../../agent/base/ids.ts"
import {
  EVENT_DATA_BYTES_MAX,
  SERVICE_CALLS_OPEN_MAX,
  SERVICE_FRAME_BYTES_MAX,
  SERVICE_QUEUE_BYTES_MAX,
  SERVICE_START_TIMEOUT_MS,
  SERVICE_STORE_VALUE_BYTES_MAX,
  SERVICE_SUBSCRIPTIONS_MAX,
} from "../../../../agent/base/limits.ts"
import { Channel, type ChannelHandlers } from "../../../../agent/io/service-host/channel.ts"
import { serviceHost } from "../../../../agent/io/service-host/host.ts"
import { serviceShelf } from "../../../../agent/io/service-host/shelf.ts"
import type { Isolation } from "../../../../agent/ports/service-host.ts"
import { freePort } from "../../../support/free-port.ts"
import { RecordingBridge } from "../../../support/service-bridge.ts"
import { serviceFolder, tasksNamed } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const host = serviceHost()

async function run(isolation: Isolation, code: string, manifest: Parameters<typeof serviceFolder>[0] = {}) {
  const folder = serviceFolder(manifest, code)
  const grants = { network: "declared" } as const
  const spec = { manifest: await host.manifestOf(folder), folder, isolation, config: {}, grants }
  return host.run(spec, new RecordingBridge())
}

/** A task that fails as its context refuses something: the refusal's code becomes the task's. */
const tasks: readonly { code: string; when: string; body: (port: number) => string }[] = [
  {
    code: "NOT_PLAIN_JSON",
    when: "an event's data is more than JSON",
    body: () => `await ctx.emit("seen", { at: () => 1 })`,
  },
  {
    code: "EVENT_TOO_LARGE",
    when: "an event's data is larger than an event may be",
    body: () => `await ctx.emit("seen", { text: "x".repeat(${EVENT_DATA_BYTES_MAX}) })`,
  },
  {
    code: "STORE_VALUE_TOO_LARGE",
    when: "it keeps more under a key than it may",
    body: () => `await ctx.store.set("k", "x".repeat(${SERVICE_STORE_VALUE_BYTES_MAX}))`,
  },
  {
    code: "SERVICE_LIMIT",
    when: "it subscribes to more than it may",
    body: () => `for (let i = 0; i <= ${SERVICE_SUBSCRIPTIONS_MAX}; i++) await ctx.mqtt.subscribe("a/" + i, () => {})`,
  },
  {
    code: "NETWORK_FAILED",
    when: "nobody listens where it may go",
    body: (port) => `await ctx.fetch("http://127.0.0.1:${port}/")`,
  },
]

describe("a confined service is refused", function () {
  this.timeout(20_000)
  for (const { code, when, body } of tasks) {
    it(`with ${code} where ${when}`, async () => {
      const port = await freePort()
      const manifest = {
        events: { seen: { data: {} } },
        tasks: tasksNamed("t"),
        permissions: { network: [`127.0.0.1:${port}`] },
      }
      const service = await run("confined", `export default { tasks: { async t(_, ctx) { ${body(port)} } } }`, manifest)
      const call = { execution: "ex_1.t" as TaskExecutionId, task: "t", inputs: {}, deadlineMs: Date.now() + 10_000 }
      const answer = await service.execute(call, new AbortController())
      assert.equal(answer.kind === "error" ? answer.code : answer.status, code, JSON.stringify(answer))
      await service.stop()
    })
  }

  it("with START_TIMEOUT where its start goes on for ever", async () => {
    mock.timers.enable({ apis: ["setTimeout"] })
    try {
      const entered = Promise.withResolvers<void>()
      Object.assign(globalThis, { startEntered: entered.resolve })
      const starting = run(
        "in-process",
        `export default { start: () => { globalThis.startEntered(); return new Promise(() => {}) } }`,
      )
      const refused = assert.rejects(starting, { code: "START_TIMEOUT" })
      await entered.promise
      // The timer is set in the turn in which the start was called.
      await Promise.resolve()
      mock.timers.tick(SERVICE_START_TIMEOUT_MS)
      await refused
    } finally {
      mock.timers.reset()
      Reflect.deleteProperty(globalThis, "startEntered")
    }
  })

  it("with SOURCE_INVALID where its folder cannot be copied, or not to there", async () => {
    const folder = serviceFolder({}, "export default {}")
    const nowhere = serviceShelf(join(folder, "index.ts", "below-a-file"))
    await assert.rejects(nowhere.put(folder, "probe"), { code: "SOURCE_INVALID" })
    execFileSync("mkfifo", [join(folder, "pipe")])
    await assert.rejects(serviceShelf(tempDir("shelf")).put(folder, "probe"), { code: "SOURCE_INVALID" })
  })
})

describe("a channel to a confined service", () => {
  /** This side of a channel whose other side hears everything and answers nothing. */
  function mute() {
    const [near, far] = duplexPair()
    const broken: string[] = []
    const handlers: ChannelHandlers = {
      ask: () => new Promise(() => {}),
      tell: () => undefined,
      broken: ({ code }) => broken.push(code),
    }
    return { channel: new Channel(near, handlers), far, broken }
  }

  it("refuses one message that is too large with MESSAGE_TOO_LARGE, and goes on", async () => {
    const { channel, broken } = mute()
    await assert.rejects(channel.ask("op", "x".repeat(SERVICE_FRAME_BYTES_MAX)), { code: "MESSAGE_TOO_LARGE" })
    channel.tell("op", "small")
    assert.deepEqual(broken, [])
  })

  it("refuses one question too many with SERVICE_BUSY", async () => {
    const { channel, far } = mute()
    far.resume()
    const asked = Array.from({ length: SERVICE_CALLS_OPEN_MAX }, () => channel.ask("op", null))
    const ended = Promise.allSettled(asked)
    await assert.rejects(channel.ask("op", null), { code: "SERVICE_BUSY" })
    channel.close()
    await ended
  })

  it("breaks with CHANNEL_FULL where the other side reads nothing", () => {
    const { channel, broken } = mute()
    const half = "x".repeat(SERVICE_FRAME_BYTES_MAX / 2)
    const fill = () => {
      for (let bytes = 0; bytes <= 2 * SERVICE_QUEUE_BYTES_MAX; bytes += half.length) channel.tell("op", half)
    }
    assert.throws(fill, { code: "CHANNEL_FULL" })
    assert.deepEqual(broken, ["CHANNEL_FULL"])
  })

  it("answers CHANNEL_CLOSED to what is open and to what is asked after its end", async () => {
    const { channel, far, broken } = mute()
    const open = assert.rejects(channel.ask("op", null), { code: "CHANNEL_CLOSED" })
    far.destroy()
    await open
    await assert.rejects(channel.ask("op", null), { code: "CHANNEL_CLOSED" })
    assert.deepEqual(broken, ["CHANNEL_CLOSED"])
  })
})
