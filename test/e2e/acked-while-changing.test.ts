import assert from "node:assert/strict"
import { connectAsync } from "mqtt"
import type { Isolation } from "../../agent/ports/service-host.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { type ContinuousPublisher, publishWithMosquitto, publishWithMqttJs } from "../support/continuous-publishers.ts"
import { type ResettableProxy, startProxy } from "../support/resettable-proxy.ts"
import { scaled } from "../support/scale.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"

/** Reports every message as an event with its own id; told to, it exits or stands still. */
const CODE = `export default {
  async start(ctx) {
    await ctx.mqtt.subscribe("meter/reading", async ({ payload }) => {
      const { id } = JSON.parse(new TextDecoder().decode(payload))
      await ctx.emit("read", { id }, { id })
    }, { event: "read" })
    await ctx.mqtt.subscribe("meter/exit", () => { setTimeout(() => process.exit(3)) })
    await ctx.mqtt.subscribe("meter/hang", ({ payload }) => {
      const ms = Number(new TextDecoder().decode(payload))
      setTimeout(() => { for (const end = Date.now() + ms; Date.now() < end; ); })
    })
  },
  // Long enough for messages to come between two runs.
  stop: () => new Promise((resolve) => setTimeout(resolve, 200)),
  tasks: { note: () => ({ status: "noted", data: {} }) },
}
`
const DATA = { type: "object", properties: { id: { type: "string" } }, required: ["id"] }

function meterFolder(version: string, isolation: Isolation): string {
  return serviceFolder(
    {
      id: "meter",
      name: "Meter",
      version,
      isolation,
      config: { unit: { type: "string", default: "kWh" } },
      events: { read: { data: DATA } },
      tasks: { note: { statuses: { noted: {} }, effect: "pure" } },
    },
    CODE,
  )
}

const APP = {
  name: "metering",
  workflows: { w: { trigger: { service: "meter", event: "read" }, tasks: { note: { run: "meter.note" } } } },
}

interface Listed {
  readonly items: readonly { readonly trigger: { readonly id: string } }[]
  readonly cursor: string | null
}

for (const isolation of ["in-process", "confined"] as const) {
  const trust = isolation === "in-process"
  describe(`publishers at QoS 1 while everything changes, a service ${trust ? "in the agent" : "of its own process"}`, () => {
    let agent: TestAgent
    let proxy: ResettableProxy
    let publishers: ContinuousPublisher[] = []
    before(async function () {
      this.timeout(60_000)
      agent = await startAgent()
      proxy = await startProxy(agent.mqtt)
      await agent.json("service", "add", meterFolder("1.0.0", isolation), ...(trust ? ["--trust"] : []))
      await deploy()
    })
    after(async () => {
      await proxy.close()
      await agent.stop()
      agent.clean()
    })

    const deploy = async () => assert.equal((await agent.api("PUT", "/applications/metering", APP)).status, 200)

    /** An acknowledgement from here on says that the service runs and takes messages. */
    const several = (count: number) => {
      const from = publishers.map(({ acked }) => acked.size)
      return until(
        () => publishers.every(({ acked }, i) => acked.size >= from[i]! + count),
        60_000,
        `${count} more acknowledgements for each publisher`,
      )
    }

    const meter = async () => agent.json<{ kind: string; version: string }>("service", "show", "meter")

    const tell = async (topic: string, payload: string) => {
      const client = await connectAsync(agent.mqtt.url)
      await client.publishAsync(topic, payload, { qos: 1 })
      await client.endAsync()
    }

    const changes: readonly { readonly name: string; readonly make: () => Promise<void> }[] = [
      {
        name: "settings of the service change",
        make: async () => {
          const answer = await agent.api("PATCH", "/services/meter/config", { unit: `u${Date.now()}` })
          assert.equal(answer.status, 200, await answer.text())
        },
      },
      {
        name: "the service is upgraded",
        make: async () => {
          await agent.json("service", "add", meterFolder("1.1.0", isolation), ...(trust ? ["--trust"] : []))
        },
      },
      { name: "the application is deployed again", make: deploy },
      { name: "connections are reset", make: async () => proxy.reset() },
      {
        name: "the service stands still for a while",
        make: () => tell("meter/hang", "1500"),
      },
      ...(trust
        ? []
        : [
            { name: "the service exits", make: () => tell("meter/exit", "") },
            { name: "the service stands still for so long that it is ended", make: () => tell("meter/hang", "60000") },
          ]),
    ]

    it("are acknowledged for nothing that is lost, and nothing is done twice", async function () {
      this.timeout(300_000)
      const payload = (id: string) => JSON.stringify({ id })
      publishers = [
        await publishWithMqttJs(proxy.port, "js", (id) => ({ topic: "meter/reading", payload: payload(id) })),
        await publishWithMqttJs(proxy.port, "own", (id) => ({
          topic: `mesg/v1/meter/event/read/${id}`,
          payload: payload(id),
        })),
        publishWithMosquitto(proxy.port, "mosquitto", "meter/reading", payload),
      ]
      const count = scaled(1_000, 10_000)
      const ackedCount = () => publishers.reduce((sum, { acked }) => sum + acked.size, 0)
      do {
        for (const { make } of changes) {
          await make()
          await several(20)
        }
      } while (ackedCount() < count)
      await Promise.all(publishers.map((publisher) => publisher.end()))
      const acked = new Set(publishers.flatMap((publisher) => [...publisher.acked]))
      const times = await executionsById()
      const lost = [...acked].filter((id) => !times.has(id))
      const doubled = [...times].filter(([, made]) => made > 1).map(([id]) => id)
      const shown = { lost: lost.slice(0, 20), doubled: doubled.slice(0, 20) }
      const said = `${lost.length} lost and ${doubled.length} doubled of ${acked.size}: ${JSON.stringify(shown)}`
      assert.equal(lost.length + doubled.length, 0, said)
      const { version, kind } = await meter()
      assert.deepEqual({ version, kind }, { version: "1.1.0", kind: isolation })
    })

    async function executionsById(): Promise<Map<string, number>> {
      const times = new Map<string, number>()
      let cursor: string | null = null
      do {
        const query: string = cursor === null ? "" : `&cursor=${cursor}`
        const page = (await (await agent.api("GET", `/executions?app=metering&limit=1000${query}`)).json()) as Listed
        for (const { trigger } of page.items) times.set(trigger.id, (times.get(trigger.id) ?? 0) + 1)
        cursor = page.cursor
      } while (cursor !== null)
      return times
    }
  })
}
