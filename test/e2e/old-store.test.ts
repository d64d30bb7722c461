import assert from "node:assert/strict"
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { emitted, startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

/*
 * Stores as agents of each older format left them; they must open for ever. `format-1` was left by a home at /tmp/gold
 * with the service `meter` on its shelf, the application `marking` that has a secret setting in clear, and one
 * execution that had ended.
 */
const STORES = join(import.meta.dirname, "../golden/stores")
const SHELVED = "meter-3a607521"
const METER = {
  id: "meter",
  config: { key: { type: "string", secret: true } },
  events: { read: { data: { type: "object" } } },
  tasks: {
    mark: { inputs: { type: "object" }, effect: "pure", statuses: { marked: { data: { type: "object" } } } },
  },
} as const

function oldHome(): string {
  const home = tempDir("old")
  mkdirSync(join(home, "data"), { mode: 0o700 })
  writeFileSync(join(home, "data", "store.mdb"), gunzipSync(readFileSync(join(STORES, "format-1.mdb.gz"))))
  const code = 'export default { tasks: { mark: (inputs) => ({ status: "marked", data: inputs }) } }'
  cpSync(serviceFolder(METER, code), join(home, "plugins", SHELVED), { recursive: true })
  return home
}

describe("a home of format 1", () => {
  let agent: TestAgent | undefined
  afterEach(async () => {
    await agent?.kill()
  })

  it("is opened at another place: its services, applications and executions are there and go on", async () => {
    agent = await startAgent({ home: oldHome() })
    assert.match(agent.output(), /"from":1,"to":2/)
    const service = await agent.json<{ state: string; error: unknown }>("service", "show", "meter")
    assert.deepEqual([service.state, service.error], ["running", null])
    const before = await agent.json<{ items: ExecutionView[] }>("execution", "list")
    assert.deepEqual(
      before.items.map(({ status, tasks }) => [status, tasks["mark"]!.data]),
      [["completed", { at: "cellar", kwh: 7 }]],
    )
    assert.equal((await emitted(agent, "meter", "read", {}, "r1")).duplicate, true)
    await emitted(agent, "meter", "read", { kwh: 8 })
    const { json } = agent
    const all = () => json<{ items: ExecutionView[] }>("execution", "list", "--status", "completed")
    await until(async () => (await all()).items.length === 2, 10_000, "an execution of now", 50)
    assert.equal(await agent.stop(), 0)
  })
})
