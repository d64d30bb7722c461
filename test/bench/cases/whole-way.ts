import { fileURLToPath } from "node:url"
import type { TestAgent } from "../../support/agent.ts"
import { scaled } from "../../support/scale.ts"
import { wholeWay } from "../applications.ts"
import type { Bench } from "../bench.ts"
import { load, type Throughput } from "../driver.ts"
import { type Flow, functionNode, nodeRed } from "../peers/node-red.ts"
import { cpuSeconds, startShipped, Subject } from "../program.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"

const SERVICE = fileURLToPath(new URL("../service", import.meta.url))
const IN = "mesg/v1/bench/event/go"
const OUT = "bench/out"
/**
 * Until V8 has compiled what there is to compile: so much work, however long it takes. Within the same time a busy machine
 * gave one program 7,000 messages and another 46,000, and the rates went with them; the reason was not looked for.
 */
const WARM_MESSAGES = 60_000
const WARM_RUNS = { min: 3, max: 30 } as const
const OPTIONS = ["-q", 1, "-I", IN, "-O", OUT, "-w", 64, "-s", scaled(2, 5)] as const

/**
 * A device publishes (QoS 1), an event makes a workflow of two tasks, a third publishes the result (QoS 1): ours durable
 * at every step, Node-RED with two function nodes and a broker of its own, which keep nothing.
 */
export async function benchWholeWay(bench: Bench): Promise<void> {
  const agent = await startShipped({ home: bench.folder, sets: ["log.level=warn"] })
  bench.after(() => agent.kill())
  const run = await wholeWayOf(agent)
  const peer = await wholeWayOfNodeRed(bench)
  const runs: Throughput[] = []
  const { ours, theirs } = await interleaved<"ours" | "theirs", number | null>({
    ours: async () => {
      const one = await run()
      runs.push(one)
      return one.messages / one.cpuSeconds
    },
    theirs: async () => (peer === null ? null : peer()),
  })
  const rates = ours.map(Number)
  const theirRates = theirs.filter((one) => one !== null)
  bench.report({
    name: "whole way: MQTT in, two tasks, MQTT out, QoS 1, durable",
    value: median(rates),
    unit: "msg/CPU-s",
    ...(theirRates.length === 0
      ? {}
      : {
          against: { kind: "peer", name: "Node-RED with aedes, not durable", value: median(theirRates) },
          ratio: medianRatio(rates, theirRates, Number),
          gate: [{ of: "ratio", atLeast: 0.5 }],
          aim: [{ of: "ratio", atLeast: 1 }],
        }),
    beside: {
      "msg/s": Math.round(median(runs.map((run) => run.messages / run.seconds))),
      p50Ms: median(runs.map((run) => run.p50Us)) / 1000,
    },
  })
}

/** @returns puts the load on an agent, which has been made warm */
export async function wholeWayOf(agent: TestAgent): Promise<() => Promise<Throughput>> {
  const asked = [
    await agent.api("PATCH", "/services/mqtt/config", { topics: [] }),
    await agent.api("POST", "/services", { source: SERVICE, trust: true }),
    await agent.api("PUT", "/applications/bench", { application: wholeWay(OUT) }),
  ]
  for (const answer of asked) if (!answer.ok) throw new Error(await answer.text())
  const run = () => load<Throughput>({ port: agent.mqtt.port, pid: agent.process.pid! }, ...OPTIONS)
  await warmUp(run)
  return run
}

/** @param run puts the load on it for the time of a round */
async function warmUp(run: () => Promise<Throughput>): Promise<void> {
  let messages = 0
  for (let nth = 0; nth < WARM_RUNS.min || (nth < WARM_RUNS.max && messages < WARM_MESSAGES); nth++)
    messages += (await run()).messages
}

/** @returns messages per CPU second of Node-RED and its broker together; null where it cannot be installed */
export async function wholeWayOfNodeRed(bench: Bench): Promise<(() => Promise<number>) | null> {
  const broker = await Subject.start("aedes")
  bench.after(() => broker.stop())
  const port = broker.greeting as number
  const red = await nodeRed(bench, "node-red", wholeWayFlow(port))
  if (red === null) return null
  const target = { port, pid: broker.pid }
  const run = async () => {
    const before = cpuSeconds(red.process.pid!)
    const { messages, cpuSeconds: ofBroker } = await load<Throughput>(target, ...OPTIONS)
    // The driver counts the broker's CPU after its warm-up, a sixth of its time; Node-RED's is counted as evenly spent.
    const ofRed = (cpuSeconds(red.process.pid!) - before) / 1.2
    return messages / (ofBroker + ofRed)
  }
  await warmUp(() => load<Throughput>(target, ...OPTIONS))
  return run
}

/** The same as a flow of Node-RED. @param port of its broker on loopback */
export function wholeWayFlow(port: number): Flow {
  return [
    {
      id: "broker",
      type: "mqtt-broker",
      broker: "127.0.0.1",
      port,
      clientid: "red",
      protocolVersion: "4",
      keepalive: 60,
      cleansession: true,
      autoConnect: true,
    },
    { id: "in", type: "mqtt in", z: "tab", topic: IN, qos: "1", datatype: "json", broker: "broker", wires: [["a"]] },
    functionNode("a", "msg.payload.number++; return msg", "b"),
    functionNode("b", "msg.payload.steps = 2; msg.payload.number--; return msg", "out"),
    { id: "out", type: "mqtt out", z: "tab", topic: OUT, qos: "1", retain: "false", broker: "broker", wires: [] },
  ]
}
