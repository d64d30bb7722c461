import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import { functionNode, nodeRed } from "../peers/node-red.ts"
import { cpuSeconds, Subject } from "../program.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"

const IN_FLIGHT = 1000
/** Until V8 has compiled what there is to compile. */
const WARM_UP = 80_000
const PEER_WARM_UP_MS = 3000
const STEP = "msg.payload.number++; return msg"

/** Nothing external: an event, two tasks one behind the other, 1,000 at a time; ours durable, Node-RED's not. */
export async function benchInProcess(bench: Bench): Promise<void> {
  const engine = await Subject.start("engine", join(bench.folder, "home"))
  bench.after(() => engine.stop())
  const peer = await startPeer(bench)
  const job = { work: "count 2", concurrency: IN_FLIGHT, count: scaled(80_000, 200_000) }
  await engine.run({ ...job, count: WARM_UP })
  const { ours, theirs } = await interleaved<"ours" | "theirs", number | null>({
    ours: async () => (await engine.run(job)).perCpuSecond,
    theirs: async () => (peer === null ? null : peer(scaled(1000, 4000))),
  })
  const rates = ours.map(Number)
  const theirRates = theirs.filter((rate) => rate !== null)
  bench.report({
    name: "in process: event, task, task, 1,000 in flight",
    value: median(rates),
    unit: "wf/CPU-s",
    ...(theirRates.length === 0
      ? {}
      : {
          against: { kind: "peer", name: "Node-RED, not durable", value: median(theirRates) },
          ratio: medianRatio(rates, theirRates, Number),
          gate: [{ of: "ratio", atLeast: 1 }],
          aim: [{ of: "ratio", atLeast: 3 }],
        }),
  })
}

/**
 * As many messages as we have executions, for ever: each comes new out of one node, as an event does, and passes two
 * more. A page tells how many there were. It stands still while ours is measured.
 */
async function startPeer(bench: Bench): Promise<((ms: number) => Promise<number>) | null> {
  const begin = `for (let i = 0; i < ${IN_FLIGHT}; i++) node.send({})`
  const event = `const number = (flow.get("rounds") ?? 0) + 1
flow.set("rounds", number)
return { payload: { number, text: "${"x".repeat(100)}" } }`
  const red = await nodeRed(bench, "node-red", [
    { id: "go", type: "inject", z: "tab", once: true, onceDelay: 0.1, props: [], wires: [["begin"]] },
    functionNode("begin", begin, "event"),
    functionNode("event", event, "a"),
    functionNode("a", STEP, "b"),
    functionNode("b", STEP, "event"),
    { id: "ask", type: "http in", z: "tab", url: "/rounds", method: "get", wires: [["say"]] },
    functionNode("say", 'msg.payload = { rounds: flow.get("rounds") ?? 0 }; return msg', "answer"),
    { id: "answer", type: "http response", z: "tab", wires: [] },
  ])
  if (red === null) return null
  const rounds = async () => {
    const answer = await fetch(`http://127.0.0.1:${red.port}/rounds`, { signal: AbortSignal.timeout(10_000) })
    return ((await answer.json()) as { rounds: number }).rounds
  }
  await setTimeout(PEER_WARM_UP_MS)
  red.process.kill("SIGSTOP")
  return async (ms) => {
    const pid = red.process.pid!
    red.process.kill("SIGCONT")
    const [before, cpuBefore] = [await rounds(), cpuSeconds(pid)]
    await setTimeout(ms)
    const [after, cpuAfter] = [await rounds(), cpuSeconds(pid)]
    red.process.kill("SIGSTOP")
    return (after - before) / (cpuAfter - cpuBefore)
  }
}
