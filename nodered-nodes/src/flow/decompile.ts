import type { Application, ApplicationTask, ApplicationWorkflow } from "../../../agent/schema/application.ts"
import type { Json } from "../../../agent/schema/json.ts"
import { type Catalogue, declaredStatuses, type Target, targetOf } from "./catalogue.ts"
import { flowId } from "./flow-id.ts"
import { type Box, layOut } from "./layout.ts"
import { BUILT_IN_PORTS, generatedEventType, generatedTaskType, NODE_TYPES, type TypedValue } from "./nodes.ts"
import { type Raw, textOf } from "./raw.ts"
import { typedValue } from "./values.ts"

/** What a flow needs beside the application that it shows. */
export interface DecompileOptions {
  /** Id of the `mesg-agent` node that the new nodes are to name. */
  readonly agent?: string
}

/**
 * Draws an application: a tab, and each workflow on it from left to right. Compiled again it is the same application.
 * Ids come from the names, so that the same application is always drawn with the same ids; Node-RED gives new ones where
 * they are taken. A task or event that the catalogue knows is drawn as its generated node.
 * @param application an application that the agent has accepted
 * @returns entries for Node-RED's import, in the order of the application
 * @see docs/spec/node-red.md#import
 */
export function decompile(application: Application, catalogue: Catalogue, options: DecompileOptions = {}): Raw[] {
  const drawing = new Drawing(application, catalogue, options.agent ?? "")
  return drawing.entries()
}

/** A node before it has its place. */
interface Draft {
  readonly id: string
  readonly label: string
  readonly ports: number
  readonly properties: Raw
  readonly from: { readonly node: Draft; readonly port: number }[]
}

class Drawing {
  readonly #application: Application
  readonly #catalogue: Catalogue
  readonly #agent: string
  readonly #tab: string
  readonly #settings: string

  constructor(application: Application, catalogue: Catalogue, agent: string) {
    this.#application = application
    this.#catalogue = catalogue
    this.#agent = agent
    this.#tab = flowId([application.name])
    this.#settings = needsSettings(application) ? flowId([application.name, "", "settings"]) : ""
  }

  entries(): Raw[] {
    const { name, workflows } = this.#application
    const entries: Raw[] = [{ id: this.#tab, type: "tab", label: name, disabled: false, info: "", env: [] }]
    if (this.#settings !== "") entries.push(this.#settingsNode())
    let top = 40
    const results: Raw[] = []
    Object.entries(workflows).forEach(([key, workflow], index) => {
      // The outputs of an application are those of its first workflow.
      const drawn = new WorkflowDrawing(
        this.#base(),
        key,
        workflow,
        index === 0 ? (this.#application.outputs ?? {}) : {},
      )
      const { boxes, wires } = wired(drawn.drafts)
      const { at, bottom } = layOut(boxes, top)
      drawn.drafts.forEach((draft, i) => {
        const entry = { ...draft.properties, ...at[i]!, wires: wires[i]! }
        if (draft.properties["type"] === NODE_TYPES.serviceResult) results.push(entry)
        else entries.push(entry)
      })
      top = Math.ceil((bottom + 60) / 20) * 20
    })
    return [...entries, ...results]
  }

  #base(): DrawingBase {
    return {
      app: this.#application.name,
      tab: this.#tab,
      agent: this.#agent,
      settings: this.#settings,
      catalogue: this.#catalogue,
    }
  }

  #settingsNode(): Raw {
    const { name, description, visibility, config } = this.#application
    return {
      id: this.#settings,
      type: NODE_TYPES.settings,
      z: this.#tab,
      name,
      description: description ?? "",
      visibility,
      config: Object.keys(config).length === 0 ? "" : JSON.stringify(config, null, 2),
    }
  }
}

function needsSettings({ description, visibility, config }: Application): boolean {
  return description !== undefined || visibility !== "private" || Object.keys(config).length > 0
}

interface DrawingBase {
  readonly app: string
  readonly tab: string
  readonly agent: string
  readonly settings: string
  readonly catalogue: Catalogue
}

/** The nodes of one workflow: its event, then its tasks, each with its wait node in front of it, then the results. */
class WorkflowDrawing {
  readonly drafts: Draft[] = []
  readonly #base: DrawingBase
  readonly #key: string
  readonly #tasks = new Map<string, { readonly node: Draft; readonly statuses: readonly string[] }>()

  constructor(
    base: DrawingBase,
    key: string,
    workflow: ApplicationWorkflow,
    outputs: NonNullable<Application["outputs"]>,
  ) {
    this.#base = base
    this.#key = key
    const event = this.#event(workflow)
    const followed = followedStatuses(workflow, outputs)
    const entries: { readonly task: ApplicationTask; readonly node: Draft }[] = []
    for (const [name, task] of Object.entries(workflow.tasks)) {
      const wait = task.wait === undefined ? null : this.#wait(name, task)
      const node = this.#task(name, task, followed.get(name) ?? [])
      if (wait !== null) node.from.push({ node: wait, port: 0 })
      entries.push({ task, node: wait ?? node })
    }
    for (const { task, node } of entries) {
      const after = afterOf(task)
      if (after.length === 0) node.from.push({ node: event, port: 0 })
      for (const text of after) this.#follow(node, text)
    }
    for (const [status, output] of Object.entries(outputs)) this.#follow(this.#result(status, output), output.from)
  }

  #follow(node: Draft, text: string): void {
    const dot = text.indexOf(".")
    const source = this.#tasks.get(text.slice(0, dot))
    const port = source?.statuses.indexOf(text.slice(dot + 1)) ?? -1
    if (source !== undefined && port >= 0) node.from.push({ node: source.node, port })
  }

  #draft(kind: string, name: string, label: string, ports: number, properties: Raw): Draft {
    const { app, tab, agent } = this.#base
    const id = flowId([app, this.#key, kind, name])
    const { type, ...others } = properties
    const draft = { id, label, ports, properties: { id, type, z: tab, name: label, agent, ...others }, from: [] }
    this.drafts.push(draft)
    return draft
  }

  #event({ trigger, description }: ApplicationWorkflow): Draft {
    const { service, event } = trigger
    const known = Object.hasOwn(this.#base.catalogue.manifest(service)?.events ?? {}, event)
    return this.#draft("event", "", this.#key, 1, {
      type: known ? generatedEventType(service, event) : NODE_TYPES.event,
      settings: this.#base.settings,
      service,
      event,
      where: trigger.where ?? "",
      debounce: trigger.debounce ?? "",
      throttle: trigger.throttle ?? "",
      overlap: trigger.overlap,
      ...optional({ redact: trigger.redact, info: description }),
    })
  }

  #wait(name: string, task: ApplicationTask): Draft {
    const { service, event, where, timeout, redact } = task.wait!
    return this.#draft("wait", name, "", 1, {
      type: NODE_TYPES.wait,
      service,
      event,
      where: where ?? "",
      join: task.join,
      timeout: timeout ?? "",
      ...optional({ redact }),
    })
  }

  #task(name: string, task: ApplicationTask, followed: readonly string[]): Draft {
    const target = targetOf(task.run)
    const declared = declaredStatuses(target, this.#base.agent, this.#base.catalogue)
    const statuses = shownStatuses(declared ?? [], followed)
    const node = this.#draft("task", name, name, statuses.length, {
      type: typeOfTask(target, declared !== null),
      ...target,
      statuses,
      outputs: statuses.length,
      ...inputsOf(task.with as Json),
      join: task.wait === undefined ? task.join : "all",
      timeout: task.timeout ?? "",
      // A wire says what is followed; a list also has an order, and may be one of a single status.
      ...(Array.isArray(task.after) ? { after: task.after } : {}),
      ...optional({ retry: task.retry, redact: task.redact, info: task.description }),
    })
    this.#tasks.set(name, { node, statuses })
    return node
  }

  #result(status: string, { data, schema }: NonNullable<Application["outputs"]>[string]): Draft {
    const properties = { type: NODE_TYPES.serviceResult, status, ...inputsOf(data as Json) }
    const text = schema === undefined ? "" : JSON.stringify(schema, null, 2)
    return this.#draft("result", status, status, 0, { ...properties, schema: text })
  }
}

function typeOfTask(target: Target, known: boolean): string {
  if ("application" in target) return NODE_TYPES.application
  return known ? generatedTaskType(target.service, target.task) : NODE_TYPES.task
}

/** The declared statuses, then what else is followed. A built-in status that nothing follows is hidden. */
function shownStatuses(declared: readonly string[], followed: readonly string[]): string[] {
  const others = followed.filter((status) => !declared.includes(status) && !isBuiltIn(status))
  return [...declared, ...new Set(others), ...BUILT_IN_PORTS.filter((status) => followed.includes(status))]
}

function isBuiltIn(status: string): boolean {
  return (BUILT_IN_PORTS as readonly string[]).includes(status)
}

/** @returns per task its statuses that something follows */
function followedStatuses(workflow: ApplicationWorkflow, outputs: NonNullable<Application["outputs"]>) {
  const followed = new Map<string, string[]>()
  const texts = [...Object.values(workflow.tasks).flatMap(afterOf), ...Object.values(outputs).map(({ from }) => from)]
  for (const text of texts) {
    const dot = text.indexOf(".")
    const list = followed.get(text.slice(0, dot)) ?? []
    followed.set(text.slice(0, dot), list)
    list.push(text.slice(dot + 1))
  }
  return followed
}

function afterOf({ after }: ApplicationTask): readonly string[] {
  return after === undefined ? [] : Array.isArray(after) ? after : [after]
}

/** Fields as typed inputs; anything but a map as one typed input that is all of it. */
function inputsOf(value: Json): { readonly with: Record<string, TypedValue>; readonly withAll?: TypedValue } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { with: {}, withAll: typedValue(value) }
  }
  return { with: Object.fromEntries(Object.entries(value).map(([name, one]) => [name, typedValue(one as Json)])) }
}

/** Only what is there: Node-RED keeps no property without a value. */
function optional(properties: Raw): Raw {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined))
}

/** @returns per node the boxes and wires of Node-RED: what leads to it, and what each of its ports leads to */
function wired(drafts: readonly Draft[]): { readonly boxes: Box[]; readonly wires: string[][][] } {
  const indexOf = new Map(drafts.map((draft, index) => [draft, index]))
  const wires = drafts.map(({ ports }) => Array.from({ length: ports }, (): string[] => []))
  const boxes = drafts.map(({ id, label, ports, properties, from }) => ({
    // A node without a name shows its event.
    label: label === "" ? textOf(properties, "event") : label,
    ports,
    from: from.map(({ node, port }) => {
      const box = indexOf.get(node)!
      wires[box]![port]!.push(id)
      return { box, port }
    }),
  }))
  return { boxes, wires }
}
