import type { ApplicationInput } from "../../../agent/schema/application.ts"
import { type ManifestInput, type RemoteServiceHandle, remoteService } from "../../../agent/sdk.ts"
import type { TestAgent } from "../../support/agent.ts"
import { serviceFolder } from "../../support/service-folder.ts"
import type { Sink } from "./sink.ts"

/** The events of the load, each with its number `n`. */
export type LoadEvent = "order" | "booking" | "reservation" | "paid"

const numbered = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] }
const statuses = { done: { data: numbered } }
const retry = { attempts: 3, backoffMs: 50, factor: 2 }

const LOAD_MANIFEST: ManifestInput = {
  id: "load",
  name: "Load",
  version: "1.0.0",
  isolation: "in-process",
  events: {
    order: { data: numbered },
    booking: { data: numbered },
    reservation: { data: numbered },
    paid: { data: numbered },
  },
  tasks: {
    tag: { inputs: numbered, statuses, effect: "pure" },
    write: { inputs: numbered, statuses, effect: "idempotent", retry, concurrency: 256 },
    charge: { inputs: numbered, statuses, effect: "effectful", concurrency: 256 },
    fire: { inputs: numbered, statuses, effect: "effectful", concurrency: 256 },
  },
}

/** `charge` can be asked what became of it; `fire` cannot. */
const loadCode = (sink: string) => `
const SINK = ${JSON.stringify(sink)}
const call = async (path, ctx, { n }) => {
  const answer = await fetch(SINK + path, { method: "POST", body: JSON.stringify({ task: ctx.task, key: ctx.execution, n }) })
  return answer.json()
}
const effect = async (inputs, ctx) => {
  await call("/effect", ctx, inputs)
  return { status: "done", data: inputs }
}
export default {
  tasks: { tag: (inputs) => ({ status: "done", data: inputs }), write: effect, charge: effect, fire: effect },
  recover: {
    charge: async (inputs, ctx) =>
      (await call("/asked", ctx, inputs)).done ? { status: "done", data: inputs } : "not-done",
  },
}
`

const FAR_MANIFEST: ManifestInput = {
  id: "far",
  name: "Far",
  version: "1.0.0",
  tasks: { echo: { inputs: numbered, statuses, effect: "idempotent", timeoutMs: 60_000, concurrency: 256 } },
}

const n = { n: "{{ trigger.data.n }}" }

/** Waits for the payment of its own order. */
const settledWithin = (timeout: string) => ({
  run: "load.tag",
  after: "tag.done",
  with: n,
  wait: { service: "load", event: "paid", where: "data.n = trigger.data.n", timeout },
})

/** Every kind of task in one workflow, and two that wait: for an event that comes, and for one that never does. */
export const LOAD_APPLICATION: ApplicationInput = {
  name: "load",
  workflows: {
    order: {
      trigger: { service: "load", event: "order" },
      tasks: {
        tag: { run: "load.tag", with: n },
        write: { run: "load.write", after: "tag.done", with: n },
        charge: { run: "load.charge", after: "write.done", with: n },
        fire: { run: "load.fire", after: "tag.done", with: n },
        unsure: { run: "load.tag", after: "fire.error", with: n },
        far: { run: "far.echo", after: "charge.done", with: n },
        last: { run: "load.tag", after: "far.done", with: n },
      },
    },
    booking: {
      trigger: { service: "load", event: "booking" },
      tasks: {
        tag: { run: "load.tag", with: n },
        settle: settledWithin("1d"),
      },
    },
    reservation: {
      trigger: { service: "load", event: "reservation" },
      tasks: {
        tag: { run: "load.tag", with: n },
        settle: settledWithin("2s"),
        expire: { run: "load.tag", after: "settle.timed-out", with: n },
      },
    },
  },
}

/** @returns the service behind MQTT, which must be known before the application is */
export async function installWork(agent: TestAgent, sink: Sink, sinkUrl: string): Promise<RemoteServiceHandle> {
  await agent.json("service", "add", serviceFolder(LOAD_MANIFEST, loadCode(sinkUrl)), "--trust")
  const far = await startFar(agent, sink)
  const deployed = await agent.api("PUT", "/applications/load", LOAD_APPLICATION)
  if (!deployed.ok) throw new Error(`not deployed: ${await deployed.text()}`)
  return far
}

/** The service behind MQTT: in this process, outside the agent. Its effect is counted like the others. */
function startFar(agent: TestAgent, sink: Sink): Promise<RemoteServiceHandle> {
  return remoteService(
    FAR_MANIFEST,
    {
      tasks: {
        echo: (inputs: { n: number }, ctx) => {
          sink.take({ task: "far", key: ctx.execution, n: inputs.n })
          return { status: "done", data: inputs }
        },
      },
    },
    { mqtt: agent.mqtt.url, signal: AbortSignal.timeout(10_000) },
  )
}
