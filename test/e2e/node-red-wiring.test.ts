import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { variableOf } from "../../nodered-nodes/src/flow/environment.ts"
import { nodeKind } from "../../nodered-nodes/src/flow/nodes.ts"
import { wiringOf } from "../../nodered-nodes/src/flow/wiring.ts"
import { FLOW_NAMES, readFlow } from "../support/flows.ts"
import { type FlowNode, type NodeRed, type NodeRedVersion, startNodeRed } from "../support/node-red.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"

/** What Node-RED itself does with a flow: `<node>:<port> -> <node>` for each message, and the variables that a node sees. */
interface Probe {
  readonly edges: readonly string[]
  readonly variables: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const VARIABLES = ["WHO", "KWH", "WORD", "TIMES", "LOUD", "PLACE", "LIMIT", "MANY", "NOWHERE"]
// Node-RED stops at a subflow in itself; that it is left folded is for the unit tests.
const NAMES = FLOW_NAMES.filter((name) => name !== "inline-subflow-in-itself")

const ours = new Set(NAMES.flatMap((name) => (readFlow(name) as FlowNode[]).map(({ type }) => type)))
const TYPES = [...ours].filter((type) => nodeKind(type) !== null)

/** Stands in for each of our types, and tells what it gets. A message passes from node to node in a turn of the loop. */
const STUB = `
module.exports = (RED) => {
  const nodes = new Set()
  const seen = new Set()
  const placeOf = (node) => [...(node._flow.path ?? "").split("/").slice(1), node._alias ?? node.id].join(" > ")
  for (const type of ${JSON.stringify(TYPES)}) {
    RED.nodes.registerType(type, function (config) {
      RED.nodes.createNode(this, config)
      if (config.x === undefined) return
      nodes.add(this)
      this.on("input", (msg, _, done) => { seen.add(msg.from + " -> " + placeOf(this)); done() })
      this.on("close", () => nodes.delete(this))
    })
  }
  RED.httpAdmin.post("/probe", async (_, response) => {
    seen.clear()
    for (const node of nodes) {
      for (let port = 0; port < node.wires.length; port++) {
        const out = []
        out[port] = { from: placeOf(node) + ":" + port }
        node.send(out)
      }
    }
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    const names = ${JSON.stringify(VARIABLES)}
    const said = (node) => Object.fromEntries(names.map((name) => [name, RED.util.getSetting(node, name) ?? null]))
    response.json({ edges: [...seen], variables: Object.fromEntries([...nodes].map((node) => [placeOf(node), said(node)])) })
  })
}
`

async function startWithStubs(version: NodeRedVersion): Promise<NodeRed> {
  const userDir = tempDir("nodered-wiring")
  const nodesDir = join(userDir, "stubs")
  mkdirSync(nodesDir)
  writeFileSync(join(nodesDir, "stub.js"), STUB)
  writeFileSync(join(nodesDir, "stub.html"), "")
  return startNodeRed({ version, userDir, settings: { nodesDir } })
}

const VERSIONS: readonly NodeRedVersion[] = scaled(1, 2) === 1 ? ["5.0.7"] : ["5.0.7", "4.1.15"]

for (const version of VERSIONS) {
  describe(`flows are read as Node-RED ${version} runs them`, function () {
    this.timeout(60_000)
    let nodeRed: NodeRed
    before(async () => {
      nodeRed = await startWithStubs(version)
    })
    after(() => nodeRed?.kill())

    for (const name of NAMES) {
      it(`${name.replaceAll("-", " ")}`, async () => {
        const flow = readFlow(name) as FlowNode[]
        await nodeRed.deploy(flow)
        const probe = await nodeRed.admin<Probe>("POST", "/probe")
        const { nodes, shelf } = wiringOf(flow)
        const nameOf = (index: number) => [...nodes[index]!.place.instances, nodes[index]!.place.node].join(" > ")
        const isOurs = (index: number) => nodes[index]!.kind !== null
        const edges = nodes.flatMap(({ next }, from) =>
          isOurs(from)
            ? next.flatMap((list, port) => list.filter(isOurs).map((to) => `${nameOf(from)}:${port} -> ${nameOf(to)}`))
            : [],
        )
        assert.deepEqual(drawable(probe.edges, flow), edges.sort())
        nodes.forEach(({ kind, raw, scope }, index) => {
          if (kind === null) return
          const said = Object.entries(probe.variables[nameOf(index)]!).map(([variable]) => {
            const value = variableOf(variable, raw, scope, shelf)
            return [
              variable,
              value === null ? null : value.type === "str" ? value.value : (JSON.parse(value.value) as unknown),
            ]
          })
          assert.deepEqual(Object.fromEntries(said), probe.variables[nameOf(index)], nameOf(index))
        })
      })
    }
  })
}

/** No editor draws a wire into an event, or out of a result; a file may have one, and it means nothing. */
function drawable(edges: readonly string[], flow: readonly FlowNode[]): string[] {
  const kindOf = (place: string) => {
    const id = place.split(" > ").at(-1)!.replace(/:\d+$/, "")
    return nodeKind(flow.find((node) => node.id === id)!.type)?.kind
  }
  return edges
    .filter((edge) => {
      const [from, to] = edge.split(" -> ") as [string, string]
      return kindOf(from) !== "serviceResult" && kindOf(to) !== "event"
    })
    .sort()
}
