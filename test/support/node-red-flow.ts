import { portsOf } from "../../nodered-nodes/src/flow/nodes.ts"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import type { FlowNode } from "./node-red.ts"

type Wires = readonly (readonly string[])[]
type Properties = Readonly<Record<string, unknown>>

/** Nodes as the editor stores them; what a test does not say is as in a new node. */
export const tab = (label = "Test", id = "tab"): FlowNode => ({ id, type: "tab", label })

export function eventNode(id: string, type: string, to: readonly string[], more: Properties = {}): FlowNode {
  const empty = { name: "", agent: "", settings: "", where: "", debounce: "", throttle: "", overlap: "parallel" }
  return { id, type, z: "tab", x: 100, y: 100, ...empty, ...more, wires: [to] }
}

/** @param declared statuses of the task; built-in ones follow them */
export function taskNode(
  id: string,
  type: string,
  declared: readonly string[],
  to: Readonly<Record<string, readonly string[]>>,
  more: Properties = {},
): FlowNode {
  const statuses = portsOf(declared)
  const empty = { name: "", agent: "", join: "auto", timeout: "", with: {}, withAll: null }
  const wires: Wires = statuses.map((status) => to[status] ?? [])
  return { id, type, z: "tab", x: 300, y: 100, statuses, outputs: statuses.length, ...empty, ...more, wires }
}

/** @param outputs of the application; the built-in statuses follow them */
export function applicationNode(
  id: string,
  application: string,
  outputs: readonly string[],
  to: Readonly<Record<string, readonly string[]>>,
  more: Properties = {},
): FlowNode {
  return taskNode(id, "mesg-application", outputs, to, { application, ...more })
}

/** Sends a message whenever `/inject/<id>` is posted. */
export function injectNode(id: string, payload: unknown, to: readonly string[]): FlowNode {
  const props = [{ p: "payload" }]
  const common = { z: "tab", x: 100, y: 200, repeat: "", once: false, wires: [to] }
  return { id, type: "inject", props, payload: JSON.stringify(payload), payloadType: "json", ...common }
}

/** Whole messages for the notices of a test. */
export function debugNode(id: string): FlowNode {
  return {
    id,
    type: "debug",
    z: "tab",
    name: id,
    x: 500,
    y: 100,
    active: true,
    tosidebar: true,
    complete: "true",
    wires: [],
  }
}

export function catchNode(id: string, to: readonly string[]): FlowNode {
  return { id, type: "catch", z: "tab", x: 300, y: 300, scope: null, uncaught: false, wires: [to] }
}

/** A charger that ends charges, and takes up to 100 for each. */
export const CHARGER: ManifestInput = {
  id: "charger",
  name: "Charger",
  version: "1.0.0",
  description: "A charging station in front of the house",
  events: {
    finished: {
      description: "A car is full, or was unplugged",
      data: { type: "object", properties: { kwh: { type: "number", description: "Energy" } }, required: ["kwh"] },
    },
    unplugged: { data: { type: "object", properties: { car: { type: "string" } } } },
  },
  tasks: {
    pay: {
      description: "Pays for a charge",
      inputs: {
        type: "object",
        properties: { amount: { type: "number", description: "In euros" }, to: { type: "string" } },
        required: ["amount"],
      },
      statuses: {
        paid: { description: "The money is on its way", data: { type: "object", properties: { amount: {} } } },
        refused: { description: "More than the credit" },
      },
      effect: "effectful",
      timeoutMs: 30_000,
    },
  },
}

/** The code of CHARGER: refuses more than 100; takes `delay` ms of its settings; counts what it did in its own store. */
export const CHARGER_CODE = `
export default {
  tasks: {
    async pay({ amount }, ctx) {
      if (amount === 13) throw new Error("unlucky")
      const paid = ((await ctx.store.get("paid")) ?? 0) + 1
      await ctx.store.set("paid", paid)
      if (amount >= 50 && amount < 60) await new Promise((resolve) => setTimeout(resolve, 1500))
      return amount > 100 ? { status: "refused" } : { status: "paid", data: { amount, paid } }
    },
  },
}
`

const WHOLE_PAYLOAD = { type: "msg", value: "payload" }

/** A task of a Service that is written as a flow. */
export function serviceTaskNode(
  id: string,
  service: string,
  task: string,
  to: readonly string[],
  more: Properties = {},
): FlowNode {
  const place = { z: "tab", x: 100, y: 100 }
  return { id, type: "mesg-service-task", ...place, name: "", agent: "", service, task, ...more, wires: [to] }
}

/** Its data is the payload. */
export function serviceResultNode(id: string, status: string, more: Properties = {}): FlowNode {
  const place = { z: "tab", x: 500, y: 100 }
  const data = { with: {}, withAll: WHOLE_PAYLOAD, schema: "" }
  return { id, type: "mesg-service-result", ...place, name: "", agent: "", status, ...data, ...more, wires: [] }
}

/** Its data is the payload. */
export function serviceEventNode(id: string, service: string, event: string, more: Properties = {}): FlowNode {
  const place = { z: "tab", x: 500, y: 200 }
  const data = { with: {}, withAll: WHOLE_PAYLOAD, declaration: "" }
  return { id, type: "mesg-service-event", ...place, name: "", agent: "", service, event, ...data, ...more, wires: [] }
}
