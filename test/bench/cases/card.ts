import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { connectAsync } from "mqtt"
import type { TestAgent } from "../../support/agent.ts"
import type { MountedDisk } from "../../support/mounted-disk.ts"
import { scaled } from "../../support/scale.ts"
import { until } from "../../support/until.ts"
import { chain } from "../applications.ts"
import type { Bench } from "../bench.ts"
import { diskOf } from "../disk.ts"
import { type Bound, upTo } from "../figure.ts"
import { startShipped } from "../program.ts"

const MB = 1e6
const HOUR_S = 3600
/** Many of what the kernel and ext4 gather for (30 s, 5 s). */
const WINDOW_S = scaled(120, 600)
const SERVICE = fileURLToPath(new URL("../service", import.meta.url))
const EVENT_MS = 1000

interface Life {
  readonly name: string
  /** How many tasks the workflow of each event has, 0 where nothing waits for it; null where there are no events. */
  readonly tasks: number | null
  readonly gate: Bound
  readonly aim: Bound
}

const LIVES: readonly Life[] = [
  { name: "idle", tasks: null, gate: upTo(0), aim: upTo(0) },
  { name: "an event a second that nothing waits for", tasks: 0, gate: upTo(0), aim: upTo(0) },
  { name: "a workflow of 3 pure tasks a second", tasks: 3, gate: upTo(144), aim: upTo(72) },
]

/** What an agent writes to its card in an hour: all lives at once, each on a disk of its own. */
export async function benchCard(bench: Bench): Promise<void> {
  const lives = []
  for (const life of LIVES) {
    const disk = diskOf(bench, `life ${lives.length}`)
    if (disk === null) return
    const home = join(disk.folder, "home")
    mkdirSync(home)
    const agent = await startShipped({ home, sets: ["log.level=warn"] })
    bench.after(() => agent.stop())
    await prepare(agent, life)
    lives.push({ life, disk, agent })
  }
  for (const { agent } of lives) await firstCopy(agent)
  const hours = await Promise.all(lives.map(({ life, disk, agent }) => bytesAnHour(life, disk, agent)))
  for (const [i, { life }] of lives.entries()) {
    bench.report({
      name: `to the card: ${life.name}`,
      value: hours[i]! / MB,
      unit: "MB/h",
      gate: [life.gate],
      aim: [life.aim],
      beside: { "window, s": WINDOW_S },
    })
  }
}

async function prepare(agent: TestAgent, { tasks }: Life): Promise<void> {
  if (tasks === null) return
  const asked = [await agent.api("POST", "/services", { source: SERVICE, trust: true })]
  if (tasks > 0) asked.push(await agent.api("PUT", "/applications/bench", { application: chain("count", tasks) }))
  for (const answer of asked) if (!answer.ok) throw new Error(await answer.text())
}

/** It is made a minute after the start, and the next one six hours later. */
async function firstCopy({ home }: TestAgent): Promise<void> {
  const folder = join(home, "data/copies")
  const copies = () => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".mdb"))
  await until(copies, 120_000, "the first copy of the store", 1000)
}

async function bytesAnHour({ tasks }: Life, disk: MountedDisk, agent: TestAgent): Promise<number> {
  const before = disk.written()
  const ended = AbortSignal.timeout(WINDOW_S * 1000)
  const client = tasks === null ? null : await connectAsync(agent.mqtt.url)
  for (let number = 0; !ended.aborted; number++) {
    const next = setTimeout(EVENT_MS)
    await client?.publishAsync("mesg/v1/bench/event/go", JSON.stringify({ number, text: "x".repeat(100) }), { qos: 1 })
    await next
  }
  await client?.endAsync()
  return ((disk.written() - before) * HOUR_S) / WINDOW_S
}
