import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import type { TestAgent } from "./agent.ts"
import { serviceFolder } from "./service-folder.ts"
import { until } from "./until.ts"

/** Where tasks of `lab.hold` stand until the test lets them go. */
export class Gate {
  url = ""
  readonly held = new Map<string, ServerResponse>()
  /** In the order in which they came. */
  readonly came: string[] = []
  #most = 0
  #server: Server | null = null

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const name = decodeURIComponent(request.url!.slice(1))
      this.came.push(name)
      this.held.set(name, response)
      this.#most = Math.max(this.#most, this.held.size)
      response.once("close", () => {
        if (this.held.get(name) === response) this.held.delete(name)
      })
    })
    this.#server = server
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server!.close()
    this.#server!.closeAllConnections()
    await once(this.#server!, "close")
  }

  holding(...names: readonly string[]): Promise<void> {
    return until(() => names.every((name) => this.held.has(name)), 10_000, `${names.join(", ")} at the gate`, 10)
  }

  open(name: string): void {
    const response = this.held.get(name)
    assert.ok(response, `${name} is at the gate`)
    this.held.delete(name)
    response.end()
  }

  /** Most at once since the last call. */
  most(): number {
    const most = this.#most
    this.#most = this.held.size
    return most
  }
}

const LAB: Partial<ManifestInput> = {
  id: "lab",
  isolation: "in-process",
  config: { gate: { type: "string" }, key: { type: "string", secret: true } },
  events: { seen: { data: {} }, paid: { data: {} } },
  tasks: {
    note: { statuses: { done: {} }, effect: "pure" },
    hold: { statuses: { done: {} }, effect: "idempotent", concurrency: 3, timeoutMs: 60_000 },
    flaky: {
      statuses: { done: {} },
      effect: "idempotent",
      retry: { attempts: 3, backoffMs: 20, factor: 2 },
    },
    fail: { statuses: { done: {} }, effect: "idempotent" },
    whisper: { statuses: { done: {} }, effect: "pure" },
  },
}
const LAB_CODE = `
const tries = new Map()
export default { tasks: {
  note: (inputs) => ({ status: "done", data: inputs }),
  hold: async (inputs, ctx) => {
    await (await fetch(ctx.config.gate + "/" + encodeURIComponent(inputs.name), { signal: ctx.signal })).text()
    return { status: "done", data: inputs }
  },
  flaky: (inputs, ctx) => {
    const n = (tries.get(ctx.execution) ?? 0) + 1
    tries.set(ctx.execution, n)
    if (n < 3) throw new Error("not yet")
    return { status: "done", data: { n } }
  },
  fail: () => { throw new Error("never") },
  whisper: (inputs, ctx) => {
    ctx.log.info("using the key", { key: ctx.config.key })
    return { status: "done", data: { length: ctx.config.key.length } }
  },
} }`

type Tasks = Record<string, object>
const seen = { service: "lab", event: "seen" }

/** The service `lab`, in the agent's process. @param key a secret setting */
export async function install(agent: TestAgent, gate: Gate, key = "0"): Promise<void> {
  await agent.json(
    "service",
    "add",
    serviceFolder(LAB, LAB_CODE),
    "--trust",
    "--config",
    JSON.stringify({ gate: gate.url, key }),
  )
}

/** An application of one workflow, `main`, that the events of `lab` with its name trigger. */
export async function deploy(
  agent: TestAgent,
  name: string,
  tasks: Tasks,
  more: { trigger?: object; [key: string]: unknown } = {},
): Promise<void> {
  const { trigger = {}, ...rest } = more
  const where = `data.app = "${name}"`
  const document = { name, workflows: { main: { trigger: { ...seen, where, ...trigger }, tasks } }, ...rest }
  const answer = await agent.api("PUT", `/applications/${name}`, document)
  assert.ok(answer.ok, await answer.text())
}

/** An event of `lab` for one application. */
export async function emit(agent: TestAgent, app: string, data: object = {}, event = "seen"): Promise<void> {
  const answer = await agent.api("POST", `/services/lab/events/${event}`, { data: { app, ...data } })
  assert.equal(answer.status, 202, await answer.text())
}

/** Oldest first. */
export async function executionsOf(agent: TestAgent, app: string, query = ""): Promise<ExecutionView[]> {
  const page = (await (await agent.api("GET", `/executions?app=${app}&limit=1000${query}`)).json()) as {
    items: ExecutionView[]
  }
  return page.items.toReversed()
}

/** All executions of an application, oldest first, once as many have ended. */
export async function ended(agent: TestAgent, app: string, count: number): Promise<ExecutionView[]> {
  let all: ExecutionView[] = []
  const done = async () => {
    all = await executionsOf(agent, app)
    return all.length >= count && all.every(({ finished }) => finished !== null)
  }
  await until(done, 20_000, `the end of ${count} executions of ${app}`)
  assert.equal(all.length, count)
  return all
}

/** What triggered it. */
export const dataOf = (execution: ExecutionView) => execution.trigger.data as Record<string, unknown>
