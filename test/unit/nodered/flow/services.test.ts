import assert from "node:assert/strict"
import { checkManifest } from "../../../../agent/schema/manifest-check.ts"
import { SERVICE_FLOW_CODES, servicesOf } from "../../../../nodered-nodes/src/flow/service-flow.ts"
import type { FlowNode } from "../../../support/node-red.ts"
import { serviceEventNode, serviceResultNode, serviceTaskNode, tab } from "../../../support/node-red-flow.ts"

const between = (id: string, to: readonly string[]): FlowNode => ({ id, type: "change", z: "tab", wires: [to] })
const task = (id: string, name: string, to: readonly string[], more = {}) =>
  serviceTaskNode(id, "billing", name, to, more)

describe("a service that is written as a flow", () => {
  it("has the tasks, statuses and events that are drawn, and a manifest that the agent takes", () => {
    const schema = JSON.stringify({ type: "object", properties: { euros: { type: "number" } } })
    const declaration = JSON.stringify({ inputs: { type: "object" }, effect: "idempotent", timeoutMs: 5000 })
    const data = JSON.stringify({ data: { type: "object" } })
    const [service, ...others] = servicesOf([
      tab(),
      task("t", "bill", ["way"], { declaration, info: "Writes a bill", name: "Bill" }),
      between("way", ["yes", "no"]),
      serviceResultNode("yes", "billed", { schema, info: "It was sent" }),
      serviceResultNode("no", "refused"),
      serviceEventNode("e", "billing", "overdue", { declaration: data }),
      serviceEventNode("again", "billing", "overdue"),
    ])
    assert.deepEqual(others, [])
    const { manifest, faults, tasks, events, id } = service!
    assert.deepEqual(faults, [])
    assert.equal(id, "billing")
    const { version, description, ...rest } = manifest
    assert.deepEqual(rest, {
      id: "billing",
      name: "billing",
      tasks: {
        bill: {
          name: "Bill",
          description: "Writes a bill",
          inputs: { type: "object" },
          effect: "idempotent",
          timeoutMs: 5000,
          statuses: { billed: { description: "It was sent", data: JSON.parse(schema) as object }, refused: {} },
        },
      },
      events: { overdue: { data: { type: "object" } } },
    })
    assert.ok(checkManifest(manifest).ok)
    assert.deepEqual([tasks.get("bill")!.node, events.get("overdue")!.map(({ node }) => node)], ["t", ["e", "again"]])
  })

  const results = [serviceResultNode("r", "done")]
  const versionOf = (...nodes: FlowNode[]) => servicesOf([tab(), ...nodes])[0]!.manifest.version

  it("has another version when it says something else, and the same when only the drawing changed", () => {
    const first = versionOf(task("t", "bill", ["r"]), ...results)
    assert.equal(versionOf(task("moved", "bill", ["b"]), between("b", ["r"]), ...results), first)
    assert.notEqual(versionOf(task("t", "bill", ["r"]), serviceResultNode("r", "other")), first)
  })

  it("is made of every tab, and each agent has its own", () => {
    const services = servicesOf([
      tab(),
      task("t", "bill", ["r"], { service: "Billing & more" }),
      ...results,
      { ...serviceEventNode("e", "billing-more", "late"), z: "other" },
      { id: "other", type: "tab", label: "Other" },
      serviceEventNode("far", "billing-more", "late", { agent: "elsewhere" }),
    ])
    assert.deepEqual(
      services.map(({ agent, manifest }) => [agent, manifest.name, Object.keys(manifest.events!)]),
      [
        ["", "Billing & more", ["late"]],
        ["elsewhere", "billing-more", ["late"]],
      ],
    )
  })

  it("has statuses of its declaration where a result takes its status from the message", () => {
    const declaration = JSON.stringify({ statuses: { easy: { description: "It was" }, hard: {} } })
    const [service] = servicesOf([tab(), task("t", "bill", ["r"], { declaration }), serviceResultNode("r", "")])
    assert.deepEqual(service!.faults, [])
    assert.deepEqual(Object.keys(service!.manifest.tasks!["bill"]!.statuses), ["easy", "hard"])
  })

  it("has what is in a subflow, named by what the instance says", () => {
    const [service] = servicesOf([
      tab(),
      {
        id: "sub",
        type: "subflow",
        name: "A task",
        in: [],
        out: [],
        env: [{ name: "TASK", type: "str", value: "no" }],
      },
      { ...task("t", "${TASK}", ["r"]), z: "sub" },
      { ...serviceResultNode("r", "done"), z: "sub" },
      { id: "use", type: "subflow:sub", z: "tab", env: [{ name: "TASK", type: "str", value: "bill" }], wires: [] },
    ])
    assert.deepEqual(service!.tasks.get("bill"), { node: "t", instances: ["use"] })
  })

  const wrong: [string, FlowNode[], (typeof SERVICE_FLOW_CODES)[number], string, RegExp][] = [
    ["a node without a service", [task("t", "bill", ["r"], { service: "" })], "NOTHING_CHOSEN", "t", /no service/],
    ["a node without a task", [task("t", "", ["r"])], "NOTHING_CHOSEN", "t", /no task is named/],
    ["a node without an event", [serviceEventNode("e", "billing", "")], "NOTHING_CHOSEN", "e", /no event is named/],
    [
      "a task without a result",
      [task("t", "bill", [])],
      "TASK_WITHOUT_RESULT",
      "t",
      /no result is behind the task "bill"/,
    ],
    ["a task twice", [task("t", "bill", ["r"]), task("u", "bill", ["r"])], "DUPLICATE", "u", /already the task "bill"/],
    ["a declaration that is no JSON", [task("t", "bill", ["r"], { declaration: "{" })], "INPUT", "t", /is no JSON:/],
    ["a declaration that is a list", [task("t", "bill", ["r"], { declaration: "[]" })], "INPUT", "t", /no JSON object/],
    [
      "two schemas for one status",
      [
        task("t", "bill", ["r", "s", "u"]),
        serviceResultNode("s", "done", { schema: '{"type":"object"}' }),
        serviceResultNode("u", "done", { schema: '{"type":"object","properties":{}}' }),
      ],
      "DUPLICATE",
      "u",
      /"done" with another schema/,
    ],
    [
      "two declarations of one event",
      [
        serviceEventNode("e", "billing", "late", { declaration: '{"data":{}}' }),
        serviceEventNode("f", "billing", "late", { declaration: '{"data":{"type":"object"}}' }),
      ],
      "DUPLICATE",
      "f",
      /declares the event "late" in another way/,
    ],
  ]
  for (const [name, nodes, code, node, words] of wrong) {
    it(`is refused on the right node for ${name}`, () => {
      const faults = servicesOf([tab(), ...nodes, ...results]).flatMap((service) => service.faults)
      assert.deepEqual(
        faults.map((fault) => [fault.code, fault.node]),
        [[code, node]],
      )
      assert.match(faults[0]!.message, words)
    })
  }

  it("has a case for every code", () => {
    assert.deepEqual([...new Set(wrong.map(([, , code]) => code))].sort(), [...SERVICE_FLOW_CODES].sort())
  })
})
