import { generatedEventType, generatedTaskType } from "../flow/nodes.ts"
import type { PaletteView, ServiceDefinition } from "../runtime/palette/definition.ts"
import { COLOURS } from "./colours.ts"
import { eventNode, placeholderNode, removedTitle, taskNode } from "./generated.ts"
import type { EditorNode, NodeDefinition } from "./red.ts"
import { isWork, knowApplications, services } from "./subject.ts"
import { SET } from "./text.ts"
import { followSubject } from "./work-node.ts"

let revision = ""

/** The palette of the moment, and every later one. */
export function startPalette(): void {
  const first = RED.settings.mesgAgentPalette
  performance.mark("mesg-palette")
  if (first !== undefined) show(first)
  performance.measure("mesg-palette", "mesg-palette")
  followAdded()
  RED.comms.subscribe("mesg/palette", (_topic, data) => {
    if ((data as PaletteView).revision === revision) return
    $.getJSON("mesg/palette", (view) => show(view as PaletteView))
  })
}

function show(view: PaletteView): void {
  revision = view.revision
  for (const service of view.services) {
    const before = services.get(service.id)
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(service)) continue
    services.set(service.id, service)
    showService(service, before)
  }
  for (const type of view.placeholders) {
    if (!RED.nodes.getType(type)) put(type, placeholderNode(type))
  }
  knowApplications(view.applications)
  RED.nodes.eachNode((node) => {
    if (isWork(node)) followSubject(node)
  })
  RED.view.redraw(true)
}

/** What changed while a node was in no editor: in a flow that is loaded, or imported. */
function followAdded(): void {
  const added = new Set<EditorNode>()
  RED.events.on("nodes:add", (node: EditorNode) => {
    if (!isWork(node)) return
    // A node is added before its wires.
    if (added.size === 0) {
      setTimeout(() => {
        for (const one of added) followSubject(one)
        added.clear()
        RED.view.redraw(true)
      })
    }
    added.add(node)
  })
}

function showService(service: ServiceDefinition, before: ServiceDefinition | undefined): void {
  for (const [name, task] of Object.entries(service.tasks)) {
    put(generatedTaskType(service.id, name), taskNode(service, name, task))
  }
  for (const [name, event] of Object.entries(service.events)) {
    put(generatedEventType(service.id, name), eventNode(service, name, event))
  }
  const gone = [
    ...Object.keys(before?.tasks ?? {})
      .filter((name) => service.tasks[name] === undefined)
      .map((name) => generatedTaskType(service.id, name)),
    ...Object.keys(before?.events ?? {})
      .filter((name) => service.events[name] === undefined)
      .map((name) => generatedEventType(service.id, name)),
  ]
  for (const type of gone) mark(type, service, true)
  const here = [
    ...Object.keys(service.tasks).map((name) => generatedTaskType(service.id, name)),
    ...Object.keys(service.events).map((name) => generatedEventType(service.id, name)),
  ]
  for (const type of here) mark(type, service, service.removed)
}

/** Nodes on the canvas keep the definition they were made with: a change is made in that one. */
function put(type: string, definition: NodeDefinition): void {
  const known = RED.nodes.getType(type)
  if (known !== null && known !== undefined) {
    const { set, defaults, ...rest } = definition
    Object.assign(known, rest)
    for (const [property, value] of Object.entries(defaults)) Object.assign(known.defaults[property] ?? {}, value)
    // One that was a placeholder is not in it yet.
    RED.palette.add(type, known)
    return
  }
  declare(type)
  RED.nodes.registerType(type, definition)
}

/** The editor takes types of known sets only. */
function declare(type: string): void {
  const set = RED.nodes.getNodeSet(SET)
  if (set === undefined || set.types.includes(type)) return
  set.types.push(type)
  RED.nodes.addNodeSet(set)
  // It has been put into the list once more.
  const list = RED.nodes.registry.getNodeList()
  list.splice(list.lastIndexOf(set), 1)
}

/** Greys the entry of a node that is gone, in the palette. */
function mark(type: string, service: ServiceDefinition, removed: boolean): void {
  const entry = document.querySelector<HTMLElement>(`[data-palette-type="${CSS.escape(type)}"]`)
  if (entry === null) return
  entry.classList.toggle("mesg-removed", removed)
  entry.setAttribute("aria-disabled", String(removed))
  entry.style.backgroundColor = removed ? COLOURS.removed : (RED.nodes.getType(type)?.color ?? "")
  if (removed) entry.title = removedTitle(service)
  else entry.removeAttribute("title")
}
