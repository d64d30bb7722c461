import { randomBytes } from "node:crypto"
import type { IClientOptions, MqttClient } from "mqtt"
import { defineService, mqttAddress, pause, type ServiceContext } from "../../agent/sdk.ts"
import { messageData } from "./message-data.ts"

interface Broker {
  readonly url: string
  readonly version?: "3.1.1" | "5" | 5
  readonly username?: string
  readonly clientId?: string
  readonly topics?: readonly string[]
  readonly qos?: 0 | 1 | 2
  readonly keepMs?: number
  readonly ca?: string
}
interface Config {
  readonly topics: readonly string[]
  readonly retained: "skip" | "report"
  readonly brokers: Readonly<Record<string, Broker>>
  readonly passwords: Readonly<Record<string, string>>
}
interface Publish {
  readonly topic: string
  readonly payload?: unknown
  readonly base64?: string
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  readonly broker?: string
}
interface Incoming {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retained: boolean
}

/** Reasons that another try cannot change: the agent has recorded the refusal, and the sender is acknowledged. */
const REFUSED_FOR_GOOD = new Set(["EVENT_DATA_INVALID", "EVENT_TOO_LARGE", "NOT_PLAIN_JSON", "UNKNOWN_EVENT"])
const RETRY_MS = [500, 1000, 2000, 5000, 10_000, 30_000]
const CONNECT_TIMEOUT_MS = 10_000
const OWN_TOPIC = /^(?:\$|mesg\/v1\/)/

let clients = new Map<string, MqttClient>()

const codeOf = (error: unknown) => String((error as { code?: unknown }).code)
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** @throws where the agent cannot take it now; the sender is then not acknowledged */
async function report(ctx: ServiceContext<Config>, broker: string, message: Incoming): Promise<void> {
  if (message.retained && ctx.config.retained === "skip") return
  try {
    await ctx.emit("message", messageData(broker, message))
  } catch (error) {
    if (!REFUSED_FOR_GOOD.has(codeOf(error))) throw error
    ctx.log.warn("a message makes no event", { broker, topic: message.topic, reason: messageOf(error) })
  }
}

/** Tries until the agent takes it: meanwhile the other broker waits for our acknowledgement. */
async function reportPatiently(ctx: ServiceContext<Config>, broker: string, message: Incoming): Promise<void> {
  for (let attempt = 0; !ctx.signal.aborted; attempt++) {
    try {
      return await report(ctx, broker, message)
    } catch (error) {
      if (ctx.signal.aborted) throw error
      const waitMs = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0
      ctx.log.warn("the agent takes no event now", { broker, reason: messageOf(error), waitMs })
      await pause(waitMs, ctx.signal)
    }
  }
}

/** Connects in the background: a broker that is away must not keep the agent from starting. */
async function open(ctx: ServiceContext<Config>, name: string, broker: Broker): Promise<void> {
  const password = ctx.config.passwords[name]
  const five = String(broker.version ?? 5) === "5"
  const keepS = Math.floor((broker.keepMs ?? 86_400_000) / 1000)
  // Loaded only by who needs it: it takes memory and time.
  const { default: mqtt } = await import("mqtt")
  const client = mqtt.connect({
    ...(mqttAddress(broker.url) as IClientOptions),
    clientId: broker.clientId ?? (await clientId(ctx, name)),
    protocolVersion: five ? 5 : 4,
    // With a session the broker keeps for us what arrives while we are away.
    clean: five ? false : keepS === 0,
    ...(five ? { properties: { sessionExpiryInterval: keepS, receiveMaximum: 64 } } : {}),
    ...(broker.username === undefined ? {} : { username: broker.username }),
    ...(password === undefined ? {} : { password }),
    ...(broker.ca === undefined ? {} : { ca: broker.ca }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 2000,
    queueQoSZero: false,
    resubscribe: false,
    manualConnect: true,
  })
  clients.set(name, client)
  client.on("connect", () => ctx.log.info("connected", { broker: name }))
  client.on("error", (error) => ctx.log.warn("the broker refuses us or fails", { broker: name, reason: error.message }))
  client.on("offline", () => ctx.log.warn("the broker is away", { broker: name }))
  // mqtt.js acknowledges after this callback: PUBACK only once the event is durable.
  client.handleMessage = (packet, done) => {
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload
    reportPatiently(ctx, name, { topic: packet.topic, payload, qos: packet.qos, retained: packet.retain }).then(
      () => done(),
      (error: Error) => done(error),
    )
  }
  const topics = [...(broker.topics ?? [])]
  if (topics.length > 0) {
    // A session that was cut before the broker had the subscription is there without it.
    let subscribed = false
    client.on("connect", ({ sessionPresent }) => {
      if (subscribed && sessionPresent) return
      subscribed = false
      client.subscribeAsync(topics, { qos: broker.qos ?? 1 }).then(
        () => {
          subscribed = true
        },
        (error: unknown) =>
          ctx.log.error("the broker refuses a subscription", { broker: name, topics, reason: messageOf(error) }),
      )
    })
  }
  client.connect()
}

/** Stays the same over restarts, as the session belongs to it. */
async function clientId(ctx: ServiceContext<Config>, name: string): Promise<string> {
  const key = `client-id/${name}`
  const kept = await ctx.store.get(key)
  if (typeof kept === "string") return kept
  const made = `mesg-${randomBytes(8).toString("hex")}`
  await ctx.store.set(key, made)
  return made
}

function bytesOf({ payload, base64 }: Publish): Uint8Array {
  if (base64 !== undefined) return Buffer.from(base64, "base64")
  return Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload))
}

const rejected = (reason: string) => ({ status: "rejected", data: { reason } })

export default defineService<Config>({
  async start(ctx) {
    clients = new Map()
    for (const filter of ctx.config.topics) {
      const take = async (message: Incoming) => {
        if (!OWN_TOPIC.test(message.topic)) await report(ctx, "agent", message)
      }
      // While no application uses the event, the agent's broker keeps its messages to itself: that costs nothing.
      await ctx.mqtt.subscribe(filter, take, { event: "message" })
    }
    for (const [name, broker] of Object.entries(ctx.config.brokers)) await open(ctx, name, broker)
  },

  async stop() {
    await Promise.all(Array.from(clients.values(), (client) => client.endAsync(true)))
    clients.clear()
  },

  tasks: {
    async publish(inputs: Publish, ctx) {
      const { topic, qos = 1, retain = false, broker = "agent" } = inputs
      if (/[#+]/.test(topic)) return rejected("a topic to publish to has no wildcards, `#` or `+`")
      if (topic.includes("\0")) return rejected("a topic has no zero character")
      if (broker === "agent") {
        if (OWN_TOPIC.test(topic)) return rejected("topics below $ and mesg/v1/ belong to the agent")
        await ctx.mqtt.publish(topic, bytesOf(inputs), { qos, retain })
        return { status: "published", data: {} }
      }
      const client = clients.get(broker)
      if (client === undefined)
        return rejected(`no broker is called ${broker}; \`mesg service configure mqtt\` adds one`)
      if (!client.connected) return rejected(`the broker ${broker} is not connected`)
      const sent = client.publishAsync(topic, Buffer.from(bytesOf(inputs)), { qos, retain })
      // mqtt.js keeps what is not acknowledged and sends it again by itself; when we are told to stop, nobody can say.
      const { promise, reject } = Promise.withResolvers<never>()
      ctx.signal.addEventListener("abort", () => reject(new Error("no acknowledgement in time")), { once: true })
      const packet = await Promise.race([sent, promise])
      const code = packet?.cmd === "puback" || packet?.cmd === "pubcomp" ? (packet.reasonCode ?? 0) : 0
      return code < 0x80 ? { status: "published", data: {} } : rejected(`the broker answered with reason code ${code}`)
    },
  },
})
