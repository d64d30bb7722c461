import assert from "node:assert/strict"
import fc from "fast-check"
import type { Application } from "../../../../agent/schema/application.ts"
import { type CompiledFlow, compileFlow } from "../../../../nodered-nodes/src/flow/compile.ts"
import { decompile } from "../../../../nodered-nodes/src/flow/decompile.ts"
import { placeOf, placeWarnings } from "../../../../nodered-nodes/src/flow/refusals.ts"
import { UNFOLDED_NODES_MAX } from "../../../../nodered-nodes/src/flow/scopes.ts"
import { agentSays, asKept, FLOW_CATALOGUE, FLOW_NAMES, readFlow } from "../../../support/flows.ts"
import { largeApplication } from "../../../support/large-application.ts"
import { anyApplication } from "../../../support/random-application.ts"
import { scaled } from "../../../support/scale.ts"
import { catalogueOf, SERVICE_S } from "../../../support/workflow.ts"

const SERVICES = catalogueOf([SERVICE_S])
const CPU_MS_MAX = 50

type Node = Record<string, unknown> & { id: string; type: string; z?: string; wires?: string[][] }

const drawn = (application: Application): Node[] =>
  JSON.parse(JSON.stringify(decompile(application, SERVICES))) as Node[]

function onlyApplication({ applications }: CompiledFlow): Application {
  assert.equal(applications.length, 1)
  assert.deepEqual(applications[0]!.faults, [])
  return asKept(applications[0]!.document)
}

/** Applications that follow the rules of who follows whom: a joined status is a set, so its order is left to chance. */
function unordered(application: Application): unknown {
  const workflows = Object.entries(application.workflows).map(([key, workflow]) => {
    const tasks = Object.entries(workflow.tasks).map(([name, task]) => {
      return [name, { ...task, after: Array.isArray(task.after) ? task.after.toSorted() : task.after }]
    })
    return [key, { ...workflow, tasks: Object.fromEntries(tasks) as object }]
  })
  return { ...application, workflows: Object.fromEntries(workflows) as object }
}

describe("compiling a flow", () => {
  it("does not depend on the order of the nodes in the file", () => {
    fc.assert(
      fc.property(anyApplication, fc.infiniteStream(fc.nat()), (application, chance) => {
        const flow = drawn(application)
          .map((node) => ({ node, at: chance.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ node }) => node)
        assert.deepEqual(unordered(onlyApplication(compileFlow(flow, SERVICES))), unordered(application))
      }),
      { numRuns: scaled(60, 500) },
    )
  })

  it("sees through junctions, link nodes and subflows", () => {
    fc.assert(
      fc.property(anyApplication, fc.infiniteStream(fc.nat({ max: 5 })), (application, chance) => {
        const flow = wrapped(rerouted(drawn(application), chance), chance)
        assert.deepEqual(unordered(onlyApplication(compileFlow(flow, SERVICES))), unordered(application))
      }),
      { numRuns: scaled(100, 800) },
    )
  })

  it("takes the outputs of an application that no node says from the agent of the chain", () => {
    const flow = (readFlow("ports-of-an-application") as Node[]).map((node) =>
      node.type === "mesg-application" ? { ...node, agent: "" } : node,
    )
    const asked: string[] = []
    const application = (name: string, agent: string) => {
      asked.push(`${name} of ${agent}`)
      return { outputs: { kept: {}, filed: {} } }
    }
    const { workflows } = onlyApplication(compileFlow(flow, { ...FLOW_CATALOGUE, application }))
    assert.deepEqual(asked, ["bookkeeping of agent"])
    const [{ tasks }] = Object.values(workflows) as [Application["workflows"][string]]
    assert.deepEqual([tasks["tell"]!.after, tasks["warn"]!.after], ["book.kept", "book.filed"])
  })

  it("takes any JSON for a flow without a throw", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (flow) => {
        assert.deepEqual(compileFlow(flow, SERVICES).applications, [])
      }),
      { numRuns: scaled(200, 5000) },
    )
  })

  it("takes flows of which parts are gone or something else without a throw, and says only what JSON can carry", () => {
    const flows = FLOW_NAMES.map((name) => readFlow(name) as Node[])
    fc.assert(
      fc.property(
        fc.nat({ max: flows.length - 1 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.jsonValue({ maxDepth: 3 })), { minLength: 1, maxLength: 4 }),
        (at, changes) => {
          const flow = structuredClone(flows[at]!)
          for (const [which, key, value] of changes) {
            const node = flow[which % flow.length]!
            const keys = Object.keys(node)
            const name = keys[key % Math.max(1, keys.length)]
            if (name !== undefined) node[name] = value
          }
          const compiled = compileFlow(flow, FLOW_CATALOGUE)
          for (const { document, places, faults } of compiled.applications) {
            assert.deepEqual(JSON.parse(JSON.stringify(document)), document)
            const ids = new Set(flow.map(({ id }) => id))
            for (const { node } of [...places.values(), ...faults]) assert.ok(ids.has(node), node)
          }
        },
      ),
      { numRuns: scaled(300, 5000) },
    )
  })

  it("puts each part of the document on the node that draws it, and what is in between on the one around it", () => {
    const flow = readFlow("wait-timed-out")
    const { places } = compileFlow(flow, FLOW_CATALOGUE).applications[0]!
    const cases = [
      ["", "finished"],
      ["/name", "finished"],
      ["/workflows/finished/trigger/where", "finished"],
      ["/workflows/finished/tasks", "finished"],
      ["/workflows/finished/tasks/pay/with/amount", "pay"],
      ["/workflows/finished/tasks/standby", "standby"],
      ["/workflows/finished/tasks/standby/wait/where", "unplugged"],
      ["/workflows/finished/tasks/standby/join", "unplugged"],
      ["/workflows/finished/tasks/standby/after", "pay"],
      ["/workflows/finished/tasks/tell/after", "standby"],
    ] as const
    for (const [pointer, node] of cases) assert.deepEqual(placeOf(places, pointer), { node, instances: [] }, pointer)
  })

  it("puts the agent's warnings on nodes too", () => {
    const application = compileFlow(readFlow("plain-chain"), FLOW_CATALOGUE).applications[0]!
    const warnings = placeWarnings(application, agentSays(application.document).warnings)
    assert.deepEqual(
      warnings.map(({ node }) => node),
      ["pay", "pay", "tell"],
    )
    for (const { message } of warnings) assert.match(message, /nobody handles/)
  })

  it("leaves subflows folded that would unfold without end", () => {
    const levels = Array.from({ length: 40 }, (_, i) => [
      { id: `s${i}`, type: "subflow", in: [{ wires: [{ id: `a${i}` }, { id: `b${i}` }] }], out: [] },
      { id: `a${i}`, type: `subflow:s${i + 1}`, z: `s${i}`, wires: [] },
      { id: `b${i}`, type: `subflow:s${i + 1}`, z: `s${i}`, wires: [] },
    ])
    const flow = [
      { id: "tab", type: "tab", label: "t" },
      { id: "e", type: "mesg-event", z: "tab", service: "s", event: "e", wires: [["use"]] },
      { id: "use", type: "subflow:s0", z: "tab", wires: [] },
      ...levels.flat(),
    ]
    const { applications, inline } = compileFlow(flow, SERVICES)
    assert.deepEqual(applications, [])
    assert.ok(inline[0]!.reasons.length > 0 && inline[0]!.reasons.length <= UNFOLDED_NODES_MAX)
  })

  it(`takes at most ${CPU_MS_MAX} ms of a processor for a flow of 500 nodes`, () => {
    for (const flow of [drawn(largeApplication()), rerouted(drawn(largeApplication()), cycle([0, 1, 2, 3]))]) {
      assert.ok(flow.filter(({ wires }) => wires !== undefined).length >= 500)
      const [best] = Array.from({ length: 5 }, () => {
        const before = process.cpuUsage()
        const { applications } = compileFlow(flow, SERVICES)
        const { user, system } = process.cpuUsage(before)
        assert.equal(applications.length, 1)
        return (user + system) / 1000
      }).sort((a, b) => a - b)
      assert.ok(best! <= CPU_MS_MAX, `${best} ms`)
    }
  })
})

function* cycle<Value>(values: readonly Value[]): Generator<Value> {
  for (;;) yield* values
}

/** Leads wires through junctions, and through link nodes of the same and of another tab. */
function rerouted(flow: Node[], chance: Iterator<number>): Node[] {
  const added: Node[] = [{ id: "elsewhere", type: "tab", label: "elsewhere" }]
  const again = flow.map((node) => ({
    ...node,
    ...(node.wires === undefined
      ? {}
      : { wires: node.wires.map((port, i) => port.map((to) => reroute(to, `${node.id}.${i}.${to}`, node.z!))) }),
  }))
  return [...again, ...added]

  function reroute(to: string, id: string, z: string): string {
    const pick = chance.next().value as number
    if (pick === 0) added.push({ id, type: "junction", z, wires: [[to]] })
    else if (pick === 1) {
      added.push({ id, type: "link out", z, mode: "link", links: [`${id}.in`], wires: [] })
      added.push({ id: `${id}.in`, type: "link in", z, links: [id], wires: [[to]] })
    } else if (pick === 2) {
      // There and back again: into the other tab, and out of it by a second pair.
      added.push({ id, type: "link out", z, mode: "link", links: [`${id}.in`], wires: [] })
      added.push({ id: `${id}.in`, type: "link in", z: "elsewhere", links: [id], wires: [[`${id}.out`]] })
      added.push({ id: `${id}.out`, type: "link out", z: "elsewhere", mode: "link", links: [`${id}.back`], wires: [] })
      added.push({ id: `${id}.back`, type: "link in", z, links: [`${id}.out`], wires: [[to]] })
    } else return to
    return id
  }
}

/** Puts tasks into subflows of their own, some of them into a subflow in a subflow. */
function wrapped(flow: Node[], chance: Iterator<number>): Node[] {
  return flow.flatMap((node) => {
    const pick = chance.next().value as number
    if (node["statuses"] === undefined || pick > 2) return [node]
    return wrap(node, pick === 0 ? 2 : 1)
  })
}

function wrap(node: Node, levels: number): Node[] {
  const ports = node.wires!
  const frames = (to: string) => ({
    in: [{ wires: [{ id: to }] }],
    out: ports.map((_, port) => ({ wires: [{ id: to, port }] })),
  })
  const subflow = `${node.id}.${levels}`
  const inside: Node = levels === 1 ? { ...node, id: `${node.id}.inside` } : wrapInstance(node, levels - 1)
  const template: Node = { id: subflow, type: "subflow", name: "wrapped", env: [], ...frames(inside.id) }
  const use: Node = { id: node.id, type: `subflow:${subflow}`, z: node.z!, env: [], wires: ports }
  const deeper =
    levels === 1 ? [] : wrap({ ...node, id: inside.id, z: subflow }, 1).filter(({ id }) => id !== inside.id)
  return [use, template, { ...inside, z: subflow, wires: ports.map(() => []) }, ...deeper]
}

function wrapInstance(node: Node, levels: number): Node {
  const id = `${node.id}.deeper`
  return { id, type: `subflow:${id}.${levels}`, env: [] }
}
