import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import { type Target, type Throughput, load } from "../driver.ts"
import { endProcess, Subject } from "../program.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"

const CASES = [
  { name: "broker, QoS 0, 10 to 10", options: ["-P", 10, "-S", 10, "-q", 0, "-w", 1000], aim: 1 },
  { name: "broker, QoS 0, fan-out 1 to 100", options: ["-P", 1, "-S", 100, "-q", 0, "-f"], aim: 2 },
  { name: "broker, QoS 1, 10 to 10", options: ["-P", 10, "-S", 10, "-q", 1, "-w", 100], aim: 1 },
] as const

/** Our broker with guard, authentication and ACL, beside aedes without any of them, and mosquitto. */
export async function benchBroker(bench: Bench): Promise<void> {
  const { ours, aedes, mosquitto } = await startBrokers(bench)
  for (const { name, options, aim } of CASES) {
    const run = async (target: Target | null) => {
      if (target === null) return null
      const { messages, cpuSeconds } = await load<Throughput>(target, ...options, "-s", scaled(1, 5))
      return messages / cpuSeconds
    }
    await run(ours)
    await run(aedes)
    const samples = await interleaved({
      ours: () => run(ours),
      aedes: () => run(aedes),
      mosquitto: () => run(mosquitto),
    })
    const rates = samples.ours.map(Number)
    const report = (peer: string, theirs: readonly number[], gate: number, goal: number) =>
      bench.report({
        name,
        value: median(rates),
        unit: "msg/CPU-s",
        against: { kind: "peer", name: peer, value: median(theirs) },
        ratio: medianRatio(rates, theirs, Number),
        gate: [{ of: "ratio", atLeast: gate }],
        aim: [{ of: "ratio", atLeast: goal }],
      })
    report("aedes", samples.aedes.map(Number), 0.95, 0.95)
    const theirs = samples.mosquitto.filter((rate) => rate !== null)
    if (theirs.length > 0) report("mosquitto", theirs, 0.6, aim)
  }
}

/** Three brokers on loopback; null for mosquitto where it is not installed. */
export async function startBrokers(bench: Bench): Promise<{ ours: Target; aedes: Target; mosquitto: Target | null }> {
  const ours = await Subject.start("broker", join(bench.folder, "home"))
  const aedes = await Subject.start("aedes")
  bench.after(() => Promise.all([ours.stop(), aedes.stop()]))
  return {
    ours: { port: ours.greeting as number, pid: ours.pid, password: "bench-password" },
    aedes: { port: aedes.greeting as number, pid: aedes.pid },
    mosquitto: await startMosquitto(bench),
  }
}

const MOSQUITTO_PORT = 18_830

/** It says when it runs, and nothing of single messages: a line for each of them would halve what it does. */
async function startMosquitto(bench: Bench): Promise<Target | null> {
  const file = join(bench.folder, "mosquitto.conf")
  writeFileSync(
    file,
    `listener ${MOSQUITTO_PORT} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nlog_type information\n`,
  )
  const child = spawn("mosquitto", ["-c", file], { stdio: ["ignore", "ignore", "pipe"] })
  bench.after(() => endProcess(child))
  const { promise, resolve } = Promise.withResolvers<boolean>()
  child.once("error", () => resolve(false))
  child.once("exit", () => resolve(false))
  child.stderr.on("data", (text) => {
    if (String(text).includes("running")) resolve(true)
  })
  if (await promise) return { port: MOSQUITTO_PORT, pid: child.pid! }
  bench.note("mosquitto does not run here: its figures are left out")
  return null
}
