import type { ManifestInput } from "../../../agent/schema/manifest.ts"
import { propertyOf } from "./chain-tasks.ts"
import { flowId } from "./flow-id.ts"
import { keyFrom } from "./names.ts"
import { isMap, type Raw } from "./raw.ts"
import type { Place } from "./scopes.ts"
import { type GraphNode, type Wiring, wiringOf } from "./wiring.ts"

/** What a drawing of a Service says and a manifest cannot. See docs/spec/node-red.md#services */
export const SERVICE_FLOW_CODES = ["DUPLICATE", "INPUT", "NOTHING_CHOSEN", "TASK_WITHOUT_RESULT"] as const
export type ServiceFlowCode = (typeof SERVICE_FLOW_CODES)[number]

export interface ServiceFault extends Place {
  readonly code: ServiceFlowCode
  readonly message: string
  readonly remedy: string
}

/** A Service that is written as a flow. It may be registered when `faults` is empty; the agent judges its manifest. */
export interface FlowService {
  /** Id of the `mesg-agent` node that it is for; empty where none was chosen. */
  readonly agent: string
  readonly id: string
  readonly manifest: ManifestInput
  /** The node that takes the calls of each task. */
  readonly tasks: ReadonlyMap<string, Place>
  /** The nodes that report each event. */
  readonly events: ReadonlyMap<string, readonly Place[]>
  readonly faults: readonly ServiceFault[]
}

type Task = NonNullable<ManifestInput["tasks"]>[string]
type Event = NonNullable<ManifestInput["events"]>[string]

/**
 * The Services of a flow: all nodes that name the same one, on whatever tab, make its manifest.
 * @param flows all of `flows.json`, as `flows:started` hands it over; of any shape
 */
export function servicesOf(flows: unknown): FlowService[] {
  const wiring = wiringOf(flows)
  const groups = new Map<string, GraphNode[]>()
  for (const node of wiring.nodes) {
    if (node.kind?.kind !== "serviceTask" && node.kind?.kind !== "serviceEvent") continue
    const name = keyFrom(propertyOf(node, "service", wiring.shelf))
    const key = JSON.stringify([propertyOf(node, "agent", wiring.shelf), name])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [node])
    else group.push(node)
  }
  return [...groups.values()].map((nodes) => new ServiceReader(nodes, wiring).read())
}

class ServiceReader {
  readonly #nodes: readonly GraphNode[]
  readonly #wiring: Wiring
  readonly #faults: ServiceFault[] = []
  readonly #tasks: Record<string, Task> = {}
  readonly #events: Record<string, Event> = {}
  readonly #taskNodes = new Map<string, Place>()
  readonly #eventNodes = new Map<string, Place[]>()
  /** Events whose data a node has declared. */
  readonly #declared = new Map<string, string>()

  constructor(nodes: readonly GraphNode[], wiring: Wiring) {
    this.#nodes = nodes
    this.#wiring = wiring
  }

  read(): FlowService {
    const [first] = this.#nodes
    const label = this.#text(first!, "service")
    const id = keyFrom(label)
    for (const node of this.#nodes) {
      const kind = node.kind?.kind === "serviceTask" ? "task" : "event"
      const name = keyFrom(this.#text(node, kind))
      if (id === "" || name === "") this.#nothingChosen(node, kind)
      else if (kind === "task") this.#addTask(node, name)
      else this.#addEvent(node, name)
    }
    const said = { tasks: this.#tasks, events: this.#events }
    // A changed service is another version of it: who looks at it sees that it is.
    const version = `1.0.0+${flowId([JSON.stringify(said)])}`
    return {
      agent: this.#text(first!, "agent"),
      id,
      manifest: { id, name: label.slice(0, 100), version, description: DESCRIPTION, ...said },
      tasks: this.#taskNodes,
      events: this.#eventNodes,
      faults: this.#faults,
    }
  }

  #addTask(node: GraphNode, name: string): void {
    if (this.#taskNodes.has(name)) {
      const message = `another node is already the task "${name}" of this service`
      this.#fault(node, "DUPLICATE", message, "name another task, or lead the wires from the one node")
      return
    }
    this.#taskNodes.set(name, node.place)
    const declared = this.#json(node, "declaration", "the declaration")
    const own = isMap(declared["statuses"]) ? declared["statuses"] : {}
    const statuses = { ...own, ...this.#statuses(node, own) }
    if (Object.keys(statuses).length === 0) {
      const message = `no result is behind the task "${name}", so it ends in no status`
      this.#fault(node, "TASK_WITHOUT_RESULT", message, "wire it to a result node and give that one a status")
    }
    this.#tasks[name] = { ...this.#head(node), ...declared, statuses } as Task
  }

  /** The statuses of a task are those of the result nodes behind it, with the schemas they say. */
  #statuses(task: GraphNode, own: Raw): Raw {
    const statuses: Record<string, Raw> = {}
    const schemas = new Map<string, string>()
    for (const node of this.#behind(task)) {
      const status = this.#text(node, "status")
      if (node.kind?.kind !== "serviceResult" || status === "") continue
      const text = this.#text(node, "schema").trim()
      const said = schemas.get(status) ?? ""
      if (text !== "" && said !== "" && text !== said) {
        const message = `another result node says "${status}" with another schema`
        this.#fault(node, "DUPLICATE", message, "give both the same schema, or only one of them any")
        continue
      }
      schemas.set(status, said || text)
      const data = text === "" ? statuses[status]?.["data"] : this.#json(node, "schema", "the schema")
      const before = isMap(own[status]) ? own[status] : {}
      const { info } = { info: this.#text(node, "info") }
      statuses[status] = {
        ...statuses[status],
        ...before,
        ...(info === "" ? {} : { description: info }),
        ...(data === undefined ? {} : { data }),
      }
    }
    return statuses
  }

  /** Everything that a message from here can come to by wires, each once, in the order of the flow. */
  #behind(from: GraphNode): GraphNode[] {
    const found = new Set<number>()
    const open = from.next.flat()
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (found.has(at)) continue
      found.add(at)
      open.push(...this.#wiring.nodes[at]!.next.flat())
    }
    return [...found].sort((a, b) => a - b).map((index) => this.#wiring.nodes[index]!)
  }

  #addEvent(node: GraphNode, name: string): void {
    const places = this.#eventNodes.get(name) ?? []
    this.#eventNodes.set(name, [...places, node.place])
    const text = this.#text(node, "declaration").trim()
    const said = this.#declared.get(name) ?? ""
    if (text !== "" && said !== "" && text !== said) {
      const message = `another node declares the event "${name}" in another way`
      this.#fault(node, "DUPLICATE", message, "give both the same declaration, or only one of them any")
      return
    }
    this.#declared.set(name, said || text)
    if (text === "" && places.length > 0) return
    this.#events[name] = {
      data: {},
      ...this.#head(node),
      ...this.#json(node, "declaration", "the declaration"),
    } as Event
  }

  #head(node: GraphNode): Raw {
    const name = this.#text(node, "name")
    const info = this.#text(node, "info")
    return { ...(name === "" ? {} : { name }), ...(info === "" ? {} : { description: info }) }
  }

  #nothingChosen(node: GraphNode, kind: "task" | "event"): void {
    const what = keyFrom(this.#text(node, "service")) === "" ? "service" : kind
    const message = `no ${what} is named`
    this.#fault(node, "NOTHING_CHOSEN", message, `open the node and name the service and the ${kind}`)
  }

  #json(node: GraphNode, key: string, what: string): Raw {
    const text = this.#text(node, key).trim()
    try {
      const value: unknown = text === "" ? {} : JSON.parse(text)
      if (isMap(value)) return value
      this.#fault(node, "INPUT", `${what} is no JSON object`, "write it in braces")
    } catch (error) {
      this.#fault(node, "INPUT", `${what} is no JSON: ${(error as Error).message}`, "correct the JSON")
    }
    return {}
  }

  #text(node: GraphNode, key: string): string {
    return propertyOf(node, key, this.#wiring.shelf)
  }

  #fault(node: GraphNode, code: ServiceFlowCode, message: string, remedy: string): void {
    this.#faults.push({ ...node.place, code, message, remedy })
  }
}

const DESCRIPTION = "A flow of Node-RED"
