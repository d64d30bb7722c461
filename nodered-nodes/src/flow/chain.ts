import type { ApplicationInput, RuleCode } from "../../../agent/schema/application.ts"
import type { Json } from "../../../agent/schema/json.ts"
import { type Catalogue, runText } from "./catalogue.ts"
import {
  eventOf,
  isWork,
  nameTasks,
  portsOfNode,
  propertyOf,
  targetOfNode,
  type TaskNaming,
  workflowNameOf,
} from "./chain-tasks.ts"
import { renamedExpression, type TaskNames } from "./expression.ts"
import type { Fault, FlowCode } from "./fault.ts"
import { pointerToken } from "./names.ts"
import { WAIT_PORTS } from "./nodes.ts"
import { isMap, listOf, textsOf } from "./raw.ts"
import type { Place } from "./scopes.ts"
import { readValue, type ValueContext } from "./values.ts"
import type { Chain, GraphNode, Wiring } from "./wiring.ts"

type Workflow = ApplicationInput["workflows"][string]
type Task = Workflow["tasks"][string]
type Output = NonNullable<ApplicationInput["outputs"]>[string]

/** What keeps a chain from being compiled: a node, and what of it only a running message can say. */
export interface InlineReason extends Place {
  readonly what: string
}

/** One chain as a workflow, before it is given its place in an application. Pointers are relative to the workflow. */
export interface ReadChain {
  readonly event: GraphNode
  readonly nodes: readonly GraphNode[]
  readonly name: string
  readonly workflow: Workflow
  readonly places: readonly (readonly [pointer: string, place: Place])[]
  readonly outputs: readonly {
    readonly status: string
    readonly output: Output
    readonly node: GraphNode
    readonly source: GraphNode | null
  }[]
  readonly faults: readonly Fault[]
  readonly inline: readonly InlineReason[]
}

/** @param chain a pure one: it holds an event, and nothing that an application has no word for */
export function readChain(chain: Chain, wiring: Wiring, catalogue: Catalogue): ReadChain {
  return new ChainReader(chain, wiring, catalogue).read()
}

/** A status that leads somewhere: the task that ends in it, and the node whose port was wired. */
interface Source {
  readonly text: string
  readonly task: GraphNode
}

class ChainReader {
  readonly #nodes: readonly GraphNode[]
  readonly #all: readonly GraphNode[]
  readonly #wiring: Wiring
  readonly #catalogue: Catalogue
  readonly #naming: TaskNaming
  /** That of the event, which the whole chain is for. */
  readonly #agent: string
  readonly #ports = new Map<GraphNode, readonly string[]>()
  readonly #faults = new Map<string, Fault>()
  readonly #inline: InlineReason[] = []
  readonly #places: [string, Place][] = []

  constructor(chain: Chain, wiring: Wiring, catalogue: Catalogue) {
    this.#wiring = wiring
    this.#all = wiring.nodes
    this.#catalogue = catalogue
    this.#nodes = chain.nodes.map((index) => wiring.nodes[index]!)
    const event = this.#nodes.find(({ kind }) => kind?.kind === "event")!
    this.#agent = this.#text(event, "agent")
    this.#naming = nameTasks(this.#nodes.filter(isWork), wiring.shelf)
  }

  read(): ReadChain {
    const [event, ...others] = this.#nodes.filter((node) => node.kind?.kind === "event")
    for (const other of others) {
      this.#fault(
        other,
        "R1_FIRST_TASK",
        "a workflow has exactly one trigger; another event leads here as well",
        "give it a chain of its own, or wait for it in a wait node behind a status",
      )
    }
    this.#places.push(["", event!.place], ["/trigger", event!.place])
    const trigger = this.#trigger(event!)
    for (const node of this.#nodes) {
      this.#checkChosen(node)
      if (node.kind?.kind === "wait") this.#checkWait(node)
    }
    const tasks: Record<string, Task> = {}
    for (const node of this.#nodes) if (isWork(node)) tasks[this.#name(node)] = this.#task(node)
    const outputs = this.#nodes.filter((node) => node.kind?.kind === "serviceResult").map((node) => this.#output(node))
    return {
      event: event!,
      nodes: this.#nodes,
      name: workflowNameOf(event!, this.#wiring.shelf),
      workflow: { ...this.#description(event!), trigger, tasks },
      places: this.#places,
      outputs,
      faults: [...this.#faults.values()],
      inline: this.#inline,
    }
  }

  #trigger(event: GraphNode): Workflow["trigger"] {
    const overlap = this.#text(event, "overlap")
    return {
      ...eventOf(event, this.#wiring.shelf),
      ...this.#texts(event, ["where", "debounce", "throttle"]),
      ...(overlap === "" || overlap === "parallel" ? {} : { overlap: overlap as "queue" }),
      ...redactOf(event),
    }
  }

  #task(node: GraphNode): Task {
    const at = `/tasks/${pointerToken(this.#name(node))}`
    this.#places.push([at, node.place])
    const { wait, sources } = this.#before(node)
    const retry = node.raw["retry"]
    return {
      ...this.#description(node),
      run: runText(targetOfNode(node, this.#wiring.shelf)),
      ...this.#with(node, "with", this.#payload(sources)),
      ...this.#after(node, sources, at),
      ...this.#join(wait ?? node, sources),
      ...(wait === null ? {} : { wait: this.#wait(wait, at) }),
      ...(isMap(retry) ? { retry: retry as NonNullable<Task["retry"]> } : {}),
      ...this.#texts(node, ["timeout"]),
      ...redactOf(node),
    }
  }

  /** What a task follows: the statuses, and the wait node between them and the task. Paper, Rules 1 to 3. */
  #before(node: GraphNode): { wait: GraphNode | null; sources: readonly Source[] } {
    const waits = node.from.filter(({ node: from, port }) => isArrival(this.#all[from]!, port))
    const direct = node.from.filter((edge) => !waits.includes(edge))
    const triggered = direct.some(({ node: from }) => this.#all[from]!.kind?.kind === "event")
    if (triggered && node.from.some(({ node: from }) => this.#all[from]!.kind?.kind !== "event")) {
      this.#fault(
        node,
        "R1_FIRST_TASK",
        `"${this.#name(node)}" follows the trigger and statuses; the first task follows the trigger and nothing else`,
        "take one of the two away; to wait for an event beside a status, use a wait node",
      )
      return { wait: null, sources: [] }
    }
    if (waits.length === 0) return { wait: null, sources: this.#sources(direct) }
    const wait = this.#all[waits[0]!.node]!
    if (waits.length > 1) {
      this.#fault(
        node,
        "R3_ONE_EVENT",
        "a later task waits for at most one external event",
        "keep one wait node; wait for the other event in front of a task of its own",
      )
    }
    if (direct.length > 0) {
      this.#fault(
        node,
        "WAIT_BESIDE",
        `"${this.#name(node)}" follows a wait node and, past it, a status`,
        "wire every status into the wait node",
      )
    }
    return { wait, sources: this.#sources(wait.from) }
  }

  /** A node that was drawn and not yet opened. */
  #checkChosen(node: GraphNode): void {
    const { shelf } = this.#wiring
    const kind = node.kind?.kind
    const said = isWork(node)
      ? targetOfNode(node, shelf)
      : kind === "event" || kind === "wait"
        ? eventOf(node, shelf)
        : {}
    const [missing] = Object.entries(said).flatMap(([what, name]) => (name === "" ? [what] : []))
    if (missing === undefined) return
    const whole =
      "application" in said ? "an application" : `a service and one of its ${isWork(node) ? "tasks" : "events"}`
    this.#fault(node, "NOTHING_CHOSEN", `no ${missing} is chosen`, `open the node and choose ${whole}`)
  }

  #checkWait(wait: GraphNode): void {
    const kinds = wait.from.map(({ node }) => this.#all[node]!.kind?.kind)
    const behind = (wait.next[ARRIVED] ?? []).map((index) => this.#all[index]!)
    if (kinds.length === 0) {
      this.#fault(
        wait,
        "R2_STATUS",
        "a wait node joins statuses with an event, and no status leads here",
        "wire the status of a task into it",
      )
    }
    if (kinds.includes("event") && kinds.some((kind) => kind !== "event")) {
      this.#fault(
        wait,
        "R1_FIRST_TASK",
        "the trigger leads to the first task and to nothing else",
        "wire only statuses of tasks into a wait node",
      )
    }
    if (wait.from.some(({ node, port }) => isArrival(this.#all[node]!, port))) {
      this.#fault(
        wait,
        "R3_ONE_EVENT",
        "a later task waits for at most one external event",
        "put a task between the two wait nodes",
      )
    }
    if (!behind.some(isWork) && !behind.some(({ kind }) => kind?.kind === "wait")) {
      this.#fault(
        wait,
        "WAIT_WITHOUT_TASK",
        "no task is behind this wait, so nothing waits",
        "wire its output to the task that is to start",
      )
    }
    if ((wait.next[TIMED_OUT] ?? []).length > 0 && behind.filter(isWork).length > 1) {
      this.#fault(
        wait,
        "WAIT_TIMED_OUT",
        "several tasks wait here, and each times out by itself",
        "wire the timed-out output of the tasks instead",
      )
    }
  }

  #wait(wait: GraphNode, at: string): NonNullable<Task["wait"]> {
    this.#places.push([`${at}/wait`, wait.place], [`${at}/join`, wait.place])
    const { where, timeout } = this.#texts(wait, ["where", "timeout"])
    return {
      ...eventOf(wait, this.#wiring.shelf),
      ...(where === undefined ? {} : { where: renamedExpression(where, this.#renamed(wait)) }),
      ...(timeout === undefined ? {} : { timeout }),
      ...redactOf(wait),
    }
  }

  /** The statuses that lead to a node, each once, in the order of the flow. */
  #sources(edges: GraphNode["from"]): readonly Source[] {
    const sources = new Map<string, Source>()
    for (const { node: from, port } of edges) {
      const source = this.#source(this.#all[from]!, port)
      if (source !== null) sources.set(source.text, source)
    }
    return [...sources.values()]
  }

  #source(from: GraphNode, port: number): Source | null {
    if (isWork(from)) {
      // A port that the node does not say is no status either: the agent refuses it, and names those that there are.
      const status = this.#portsOf(from)[port] ?? `output-${port + 1}`
      return { text: `${this.#name(from)}.${status}`, task: from }
    }
    if (from.kind?.kind !== "wait" || WAIT_PORTS[port] !== "timed-out") return null
    const [task] = (from.next[ARRIVED] ?? []).map((index) => this.#all[index]!).filter(isWork)
    return task === undefined ? null : { text: `${this.#name(task)}.timed-out`, task }
  }

  #portsOf(node: GraphNode): readonly string[] {
    const ports = this.#ports.get(node) ?? portsOfNode(node, this.#agent, this.#wiring.shelf, this.#catalogue)
    this.#ports.set(node, ports)
    return ports
  }

  /** The wires say what is followed; what was written before keeps its order and its form. */
  #after(node: GraphNode, sources: readonly Source[], at: string): { after?: string | string[] } {
    const written = node.raw["after"]
    const order = typeof written === "string" ? [written] : textsOf(written)
    const rank = new Map(order.map((text, index) => [text, index]))
    const ordered = sources.toSorted((a, b) => (rank.get(a.text) ?? order.length) - (rank.get(b.text) ?? order.length))
    const isList = ordered.length > 1 || (Array.isArray(written) && order.length === ordered.length)
    ordered.forEach((source, index) => {
      this.#places.push([isList ? `${at}/after/${index}` : `${at}/after`, source.task.place])
    })
    if (isList) return { after: ordered.map(({ text }) => text) }
    return ordered.length === 0 ? {} : { after: ordered[0]!.text }
  }

  /** Left to itself, a join takes the first of several statuses where one task would have to end in two of them. */
  #join(node: GraphNode, sources: readonly Source[]): { join?: "any" } {
    const join = this.#text(node, "join")
    if (join !== "" && join !== "auto") return join === "all" ? {} : { join: join as "any" }
    return new Set(sources.map(({ task }) => task)).size < sources.length ? { join: "any" } : {}
  }

  /** @returns where `msg.payload` of a node is found in an application; null where several tasks lead to it */
  #payload(sources: readonly Source[]): string | null {
    const tasks = new Set(sources.map(({ task }) => task))
    if (tasks.size === 0) return "trigger.data"
    return tasks.size === 1 ? `tasks.${this.#name([...tasks][0]!)}.data` : null
  }

  #with<Key extends "with" | "data">(node: GraphNode, key: Key, payload: string | null): { [K in Key]?: Json } {
    const { shelf } = this.#wiring
    const context: ValueContext = { raw: node.raw, scope: node.scope, shelf, payload, renamed: this.#renamed(node) }
    const read = (stored: unknown, what: string): Json => {
      const value = readValue(stored, context)
      if (value.kind === "value") return value.value
      if (value.kind === "inline") this.#inline.push({ ...node.place, what: value.what })
      else this.#fault(node, "INPUT", `${what} ${value.message}`, value.remedy)
      return null
    }
    if (isMap(node.raw["withAll"])) return { [key]: read(node.raw["withAll"], "the value") } as { [K in Key]?: Json }
    const fields = isMap(node.raw["with"]) ? Object.entries(node.raw["with"]) : []
    if (fields.length === 0) return {}
    return { [key]: Object.fromEntries(fields.map(([name, stored]) => [name, read(stored, `"${name}"`)])) } as {
      [K in Key]?: Json
    }
  }

  #output(node: GraphNode): ReadChain["outputs"][number] {
    const sources = this.#sources(node.from)
    const isStatus = node.from.every(({ node: from, port }) => this.#source(this.#all[from]!, port) !== null)
    if (!isStatus || sources.length !== 1) {
      this.#fault(
        node,
        "OUTPUT_STATUS",
        "a result of an application stands behind exactly one status of one task",
        "wire one status into it, and use another result node for another status",
      )
    }
    const status = this.#text(node, "status")
    const schema = this.#text(node, "schema")
    const output: Output = {
      from: sources[0]?.text ?? "",
      ...this.#with(node, "data", this.#payload(sources)),
      ...(schema === "" ? {} : { schema: this.#json(node, schema, "the schema") as NonNullable<Output["schema"]> }),
    }
    return { status, output, node, source: sources[0]?.task ?? null }
  }

  #json(node: GraphNode, text: string, what: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      this.#fault(node, "INPUT", `${what} is no JSON: ${(error as Error).message}`, "correct the JSON")
      return {}
    }
  }

  #renamed(node: GraphNode): TaskNames {
    return this.#naming.renamed.get(node.scope) ?? new Map<string, string>()
  }

  #name(node: GraphNode): string {
    return this.#naming.nameOf.get(node)!
  }

  #text(node: GraphNode, key: string): string {
    return propertyOf(node, key, this.#wiring.shelf)
  }

  #texts<Key extends string>(node: GraphNode, keys: readonly Key[]): { [K in Key]?: string } {
    const found = keys.map((key) => [key, this.#text(node, key)] as const).filter(([, text]) => text !== "")
    return Object.fromEntries(found) as { [K in Key]?: string }
  }

  #description(node: GraphNode): { description?: string } {
    const info = this.#text(node, "info")
    return info === "" ? {} : { description: info }
  }

  #fault(node: GraphNode, code: RuleCode | FlowCode, message: string, remedy: string): void {
    const key = JSON.stringify([node.place, code, message])
    if (!this.#faults.has(key)) this.#faults.set(key, { ...node.place, code, message, remedy })
  }
}

const ARRIVED = WAIT_PORTS.indexOf("arrived")
const TIMED_OUT = WAIT_PORTS.indexOf("timed-out")

function isArrival(node: GraphNode, port: number): boolean {
  return node.kind?.kind === "wait" && port === ARRIVED
}

function redactOf(node: GraphNode): { redact?: string[] } {
  const redact = node.raw["redact"]
  return listOf(redact).length === 0 ? {} : { redact: redact as string[] }
}
