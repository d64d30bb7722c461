import type { EventDefinition, ServiceDefinition, TaskDefinition } from "../runtime/palette/definition.ts"
import type { Schema } from "./inputs-form.ts"
import { portsNow, setPorts, type Subject } from "./work-node.ts"
import type { EditorNode } from "./red.ts"

/** The services that this editor knows. */
export const services = new Map<string, ServiceDefinition>()

export function taskOf(service: string, task: string): TaskDefinition | null {
  const found = services.get(service)
  return found === undefined || found.removed ? null : (found.tasks[task] ?? null)
}

export function eventOf(service: string, event: string): EventDefinition | null {
  const found = services.get(service)
  return found === undefined || found.removed ? null : (found.events[event] ?? null)
}

/** What a node of this task stands for now. */
export function taskSubject(service: string, task: string): Subject {
  const found = taskOf(service, task)
  if (found === null) return { title: task, inputs: {}, statuses: null, descriptions: {} }
  const descriptions = Object.entries(found.statuses).map(([status, { description }]) => [status, description])
  return {
    title: found.name ?? task,
    inputs: found.inputs as Schema,
    statuses: Object.keys(found.statuses),
    descriptions: Object.fromEntries(descriptions) as Record<string, string>,
  }
}

/** A node follows its service: a new status is a new port, a wired one that is gone stays and is warned of. */
export function followService(node: EditorNode, subject: Subject): void {
  if (subject.statuses !== null && setPorts(node, portsNow(node, subject.statuses).statuses)) {
    node.changed = true
    RED.nodes.dirty(true)
  }
  node.dirty = true
  RED.editor.validateNode(node)
}
