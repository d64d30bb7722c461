import { BUILT_IN_PORTS, portsOf } from "../flow/nodes.ts"
import { type ChangedPorts, portsAfter } from "../flow/ports.ts"
import { element } from "./element.ts"
import { inputsProblem, readInputs, showInputs } from "./inputs-form.ts"
import type { EditorNode, NodeDefinition } from "./red.ts"
import { type Subject, subjectOf } from "./subject.ts"
import { text } from "./text.ts"

/** The properties that work nodes share; see flow/nodes.ts. */
export function workDefaults(statuses: readonly string[]) {
  return {
    name: { value: "" },
    agent: { value: "", type: "mesg-agent", required: false },
    statuses: {
      value: [...statuses],
      validate(this: EditorNode, _value: unknown, _options?: object) {
        const { statuses: declared, isUnknown } = subjectOf(this)
        // What nobody has said anything of cannot be judged.
        if (declared === null) return isUnknown || text("state.removed")
        const lost = lostStatuses(this, declared)
        return lost.length === 0 ? true : text("state.lost", { statuses: lost.join(", ") })
      },
    },
    with: {
      value: {},
      validate(this: EditorNode, _value: unknown, _options?: object) {
        return inputsProblem(subjectOf(this).inputs, this) ?? true
      },
    },
    withAll: { value: null },
    join: { value: "auto" },
    timeout: { value: "", validate: isDuration },
    retry: { value: null },
    redact: { value: [] },
    after: { value: "" },
    outputs: { value: statuses.length },
  }
}

/** Node-RED takes a text for a reason from validators with two parameters only. */
export function isDuration(value: unknown, _options?: object): boolean | string {
  const isOne = typeof value !== "string" || /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))*$/.test(value)
  return isOne ? true : text("validation.duration")
}

/** How work nodes look and behave, whatever they stand for. */
export function workBehaviour(): Partial<NodeDefinition> {
  return {
    inputs: 1,
    outputLabels(port) {
      const status = this.statuses?.[port]
      if (status === undefined) return undefined
      const { descriptions } = subjectOf(this)
      return descriptions[status] ? `${status}: ${descriptions[status]}` : status
    },
    onadd() {
      this.outputs = this.statuses?.length ?? 0
    },
    labelStyle() {
      return this.name ? "node_label_italic" : ""
    },
  }
}

/** What the node's ports become where its subject declares these statuses. */
function portsNow(node: EditorNode, declared: readonly string[]): ChangedPorts {
  const statuses = node.statuses ?? []
  const wires = statuses.map((): string[] => [])
  for (const { sourcePort, target } of RED.nodes.filterLinks({ source: node })) wires[sourcePort]?.push(target.id)
  return portsAfter({ statuses, wires }, declared)
}

/**
 * Wires mean statuses: where the ports change, each wire moves to the port of its status.
 * @returns whether anything changed
 */
function setPorts(node: EditorNode, statuses: readonly string[]): boolean {
  const before = node.statuses ?? []
  if (before.join("\n") === statuses.join("\n")) return false
  for (const link of RED.nodes.filterLinks({ source: node })) {
    const port = statuses.indexOf(before[link.sourcePort] ?? "")
    if (port >= 0) Object.assign(link, { sourcePort: port })
  }
  node.statuses = [...statuses]
  node.outputs = statuses.length
  node.dirty = true
  node.resize = true
  return true
}

/** A node follows what it stands for: a new status is a new port, a wired one that is gone stays and is warned of. */
export function followSubject(node: EditorNode): void {
  const { statuses } = subjectOf(node)
  if (statuses !== null && setPorts(node, portsNow(node, statuses).statuses)) {
    node.changed = true
    RED.nodes.dirty(true)
  }
  node.dirty = true
  RED.editor.validateNode(node)
}

/** What is said of a status that is gone is over with its last wire. */
export function watchWires(): void {
  const look = ({ source }: { source: EditorNode }) => {
    if (source.statuses === undefined) return
    source.dirty = true
    RED.editor.validateNode(source)
  }
  RED.events.on("links:add", look)
  RED.events.on("links:remove", look)
}

/** Statuses that wires lead from and that the subject does not have. */
function lostStatuses(node: EditorNode, declared: readonly string[] | null): readonly string[] {
  return declared === null ? [] : portsNow(node, declared).gone
}

/** The dialog's fields that every work node has. */
export function prepareWork(node: EditorNode, subject: Subject): void {
  showInputs($("#mesg-inputs"), node, subject.inputs)
  const ports = $("#mesg-ports").empty()
  for (const status of BUILT_IN_PORTS) {
    const id = `mesg-port-${status}`
    const box = element("input", { type: "checkbox", id, class: "mesg-check" }) as HTMLInputElement
    box.checked = node.statuses?.includes(status) ?? true
    ports.append(element("label", { for: id, class: "mesg-port" }, box, ` ${status}`))
  }
  const lost = lostStatuses(node, subject.statuses)
  const warning = $("#mesg-warning").text("")
  if (subject.statuses === null) warning.text(text("state.removed"))
  else if (lost.length > 0) warning.text(text("state.lost", { statuses: lost.join(", ") }))
}

export function saveWork(node: EditorNode, subject: Subject): void {
  const { with: values, withAll } = readInputs($("#mesg-inputs"))
  node["with"] = values
  node["withAll"] = withAll
  const hidden = BUILT_IN_PORTS.filter((status) => {
    const isWired = RED.nodes
      .filterLinks({ source: node })
      .some(({ sourcePort }) => node.statuses?.[sourcePort] === status)
    return $(`#mesg-port-${status}`).prop("checked") !== true && !isWired
  })
  const declared = subject.statuses ?? (node.statuses ?? []).filter((status) => !isBuiltIn(status))
  const before = node.statuses ?? []
  const statuses = portsOf([...declared, ...lostStatuses(node, subject.statuses)], hidden)
  if (before.join("\n") === statuses.join("\n")) return
  node.statuses = statuses
  // Node-RED moves the wires itself, so that it can also undo it: old port -> new one, `-1` one that is gone.
  const moved = before.map((status, port) => [String(port), statuses.indexOf(status)])
  const added = statuses
    .filter((status) => !before.includes(status))
    .map((status) => [status, statuses.indexOf(status)])
  $("#node-input-outputs").val(JSON.stringify(Object.fromEntries([...moved, ...added])))
}

function isBuiltIn(status: string): boolean {
  return (BUILT_IN_PORTS as readonly string[]).includes(status)
}
