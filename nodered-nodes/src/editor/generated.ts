import { generatedEventType, generatedTaskType, nodeKind, portsOf, serviceOfType } from "../flow/nodes.ts"
import type { EventDefinition, ServiceDefinition, TaskDefinition } from "../runtime/palette/definition.ts"
import { COLOURS } from "./colours.ts"
import { element } from "./element.ts"
import { eventDefaults, prepareEvent } from "./event-node.ts"
import { eventForm, workForm } from "./forms.ts"
import { eventHelp, taskHelp } from "./help.ts"
import type { NodeDefinition } from "./red.ts"
import { subjectOf } from "./subject.ts"
import { text } from "./text.ts"
import { prepareWork, saveWork, workBehaviour, workDefaults } from "./work-node.ts"

/** The node of one task of a service. */
export function taskNode(service: ServiceDefinition, name: string, task: TaskDefinition): NodeDefinition {
  const statuses = portsOf(Object.keys(task.statuses))
  provide(generatedTaskType(service.id, name), workForm(), taskHelp(generatedTaskType(service.id, name), task))
  return {
    ...workBehaviour(),
    category: categoryOf(service),
    color: service.removed ? COLOURS.removed : COLOURS.task,
    icon: "mesg-task.svg",
    defaults: workDefaults(statuses),
    outputs: statuses.length,
    paletteLabel: task.name ?? name,
    label() {
      return this.name || (task.name ?? name)
    },
    oneditprepare() {
      prepareWork(this, subjectOf(this))
    },
    oneditsave() {
      saveWork(this, subjectOf(this))
    },
  }
}

/** The node of one event of a service. */
export function eventNode(service: ServiceDefinition, name: string, event: EventDefinition): NodeDefinition {
  provide(generatedEventType(service.id, name), eventForm(), eventHelp(generatedEventType(service.id, name), event))
  return {
    category: categoryOf(service),
    color: service.removed ? COLOURS.removed : COLOURS.event,
    icon: "mesg-event.svg",
    defaults: eventDefaults(),
    inputs: 0,
    outputs: 1,
    outputLabels: () => event.name ?? name,
    paletteLabel: event.name ?? name,
    label() {
      return this.name || (event.name ?? name)
    },
    oneditprepare() {
      prepareEvent(this)
    },
  }
}

/** The node of a type that a flow uses and no service stands behind: as it was drawn, and out of the palette. */
export function placeholderNode(type: string): NodeDefinition {
  const id = serviceOfType(type) ?? ""
  const name = type.slice(`mesg:${id}`.length + 1)
  const service = { id, name: id, version: "", description: "", removed: true, tasks: {}, events: {} }
  const nothing = { name: null, description: text("state.removed"), inputs: {}, effect: "", statuses: {}, data: {} }
  const isTask = nodeKind(type)?.kind === "task"
  const definition = isTask ? taskNode(service, name, nothing) : eventNode(service, name, nothing)
  // Node-RED's palette leaves this category out.
  return { ...definition, category: "unknown" }
}

/** A hyphen would make a category of Node-RED's a part of another one. */
function categoryOf({ name }: ServiceDefinition): string {
  return `MESG ${name.replaceAll("-", " ")}`
}

/** The dialog and the help of a type, where Node-RED looks for them. */
function provide(type: string, form: string, help: HTMLElement): void {
  for (const attribute of ["data-template-name", "data-help-name"]) {
    document.querySelector(`script[${attribute}="${CSS.escape(type)}"]`)?.remove()
  }
  const template = element("script", { type: "text/html", "data-template-name": type })
  template.textContent = form
  document.body.append(template, help)
}

/** What a removed service's nodes are called for who hovers them. */
export function removedTitle(service: ServiceDefinition): string {
  return `${service.name}: ${text("palette.removed")}`
}
