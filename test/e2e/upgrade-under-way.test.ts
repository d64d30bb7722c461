import assert from "node:assert/strict"
import { remoteService, type RemoteServiceHandle } from "../../agent/sdk.ts"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { Gate } from "../support/lab.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"

interface Ended {
  readonly status: string
  readonly data: Record<string, unknown>
}

const STATUSES = { done: {} }
const TASKS = {
  pure: { effect: "pure", statuses: STATUSES },
  again: { effect: "idempotent", statuses: STATUSES },
  once: { effect: "effectful", statuses: STATUSES },
  known: { effect: "effectful", statuses: STATUSES },
  undone: { effect: "effectful", statuses: STATUSES },
  /** Not in version 2. */
  gone: { effect: "pure", statuses: STATUSES },
} as const satisfies ManifestInput["tasks"]
const NAMES = Object.keys(TASKS)
const { gone: _, ...KEPT } = TASKS

/** What each task of a service ends with whose version 1 was stopped while the task stood at the gate. */
const EXPECTED: Readonly<Record<keyof typeof TASKS, Ended>> = {
  pure: { status: "done", data: { version: 2 } },
  again: { status: "done", data: { version: 2 } },
  once: { status: "error", data: { code: "INTERRUPTED" } },
  known: { status: "done", data: { recovered: "known" } },
  undone: { status: "done", data: { version: 2 } },
  gone: { status: "error", data: { code: "TASK_UNKNOWN" } },
}

/** Of version 1 every task waits at the gate, until it is told to stop or for good; version 2 answers at once. */
function folderOf(tier: "in-process" | "confined", version: 1 | 2, gate: Gate, listens: boolean): string {
  const { host } = new URL(gate.url)
  const manifest: Partial<ManifestInput> = {
    id: tier,
    version: `${version}.0.0`,
    isolation: tier,
    permissions: { network: [host] },
    tasks: version === 1 ? TASKS : KEPT,
  }
  const wait = `await ctx.fetch("${gate.url}/" + ctx.execution, ${listens ? "{ signal: ctx.signal }" : "{}"})`
  const code = `const run = async (inputs, ctx) => {
      ${version === 1 ? wait : ""}
      return { status: "done", data: { version: ${version} } }
    }
    export default {
      tasks: { ${Object.keys(manifest.tasks!)
        .map((name) => `${name}: run`)
        .join(", ")} },
      recover: { known: () => ({ status: "done", data: { recovered: "known" } }), undone: () => "not-done" },
    }`
  return serviceFolder(manifest, code)
}

/** Status and data, of a failure its code. */
const seen = ({ status, data }: Ended): Ended => ({ status, data: status === "done" ? data : { code: data["code"] } })

describe("a service that is upgraded while its tasks run", function () {
  this.timeout(60_000)
  const gate = new Gate()
  let agent: TestAgent
  before(async () => {
    await gate.start()
    agent = await startAgent()
  })
  after(async () => {
    await agent?.stop()
    agent?.clean()
    await gate.stop()
  })

  const call = async (service: string, task: string): Promise<Ended> => {
    const response = await agent.api(
      "POST",
      `/services/${service}/tasks/${task}`,
      { inputs: {} },
      { prefer: "wait=30" },
    )
    const body = await response.text()
    assert.equal(response.status, 200, body)
    return JSON.parse(body) as Ended
  }

  for (const tier of ["in-process", "confined"] as const)
    for (const listens of [true, false])
      it(`${tier}: each ends as its effect allows, ${listens ? "told to stop" : "deaf to its signal"}`, async () => {
        const add = (version: 1 | 2) =>
          agent.json(
            "service",
            "add",
            folderOf(tier, version, gate, listens),
            ...(tier === "confined" ? [] : ["--trust"]),
          )
        await add(1)
        const before = gate.came.length
        const calls = NAMES.map((name) => call(tier, name))
        await until(() => gate.came.length === before + NAMES.length, 10_000, "every task at the gate")
        await add(2)
        const ended = await Promise.all(calls)
        assert.deepEqual(Object.fromEntries(NAMES.map((name, i) => [name, seen(ended[i]!)])), EXPECTED)
        assert.equal(gate.came.length, before + NAMES.length, "version 1 was asked once for each")
        await agent.cli("service", "remove", tier)
      })

  it("remote: what its program did not answer ends by its deadline, and is tried again where that is allowed", async () => {
    const retry = { attempts: 2, backoffMs: 10 }
    const manifest = (version: 1 | 2) => ({
      id: "remote",
      name: "Remote",
      version: `${version}.0.0`,
      tasks: {
        again: { effect: "idempotent", statuses: STATUSES, timeoutMs: 5000, retry },
        once: { effect: "effectful", statuses: STATUSES, timeoutMs: 5000, retry },
      },
    })
    const begun: string[] = []
    const handler =
      (version: 1 | 2) =>
      async (_: unknown, { task, signal }: { task: string; signal: AbortSignal }) => {
        begun.push(`${task} ${version}`)
        if (version === 1)
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("it stops"))))
        return { status: "done", data: { version } }
      }
    const start = (version: 1 | 2): Promise<RemoteServiceHandle> =>
      remoteService(
        manifest(version) as never,
        { tasks: { again: handler(version), once: handler(version) } } as never,
        { mqtt: agent.mqtt.url },
      )
    const first = await start(1)
    const calls = [call("remote", "again"), call("remote", "once")]
    await until(() => begun.length === 2, 10_000, "both tasks at the program")
    await first.stop()
    const second = await start(2)
    const [again, once] = await Promise.all(calls)
    await second.stop()
    assert.deepEqual(again, { ...again, status: "done", data: { version: 2 } })
    assert.equal(once!.status, "timed-out")
    assert.deepEqual(begun.sort(), ["again 1", "again 2", "once 1"])
  })
})
