import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import { type Idle, load, type Target } from "../driver.ts"
import { startBrokers } from "./broker.ts"

/** Memory of connections that have subscribed and say nothing. */
export async function benchIdle(bench: Bench): Promise<void> {
  const connections = scaled(500, 5000)
  const { ours, aedes } = await startBrokers(bench)
  const each = async (target: Target) => {
    const { residentBeforeKb, residentKb } = await load<Idle>(target, "-i", connections, "-s", 2)
    return (residentKb - residentBeforeKb) / connections
  }
  const value = await each(ours)
  const theirs = await each(aedes)
  bench.report({
    name: `memory of each of ${connections} idle connections`,
    value,
    unit: "kB",
    against: { kind: "peer", name: "aedes", value: theirs },
    ratio: value / theirs,
    gate: [{ of: "ratio", atMost: 1.1 }],
    aim: [{ of: "value", atMost: 16 }],
  })
}
