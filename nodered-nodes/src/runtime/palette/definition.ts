import { generatedEventType, generatedTaskType, nodeKind } from "../../flow/nodes.ts"
import type { Manifest } from "../api/shapes.ts"

/** What the editor knows of a service: enough for its nodes, their forms and their help. */
export interface ServiceDefinition {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly description: string
  readonly removed: boolean
  readonly tasks: Readonly<Record<string, TaskDefinition>>
  readonly events: Readonly<Record<string, EventDefinition>>
  /** What each agent says of it, by its address, where they say different things. */
  readonly byAgent?: Readonly<Record<string, ServiceDefinition>>
}

export interface TaskDefinition {
  readonly name: string | null
  readonly description: string
  /** JSON Schema. */
  readonly inputs: object
  readonly effect: string
  readonly statuses: Readonly<Record<string, { readonly description: string; readonly data: object }>>
}

export interface EventDefinition {
  readonly name: string | null
  readonly description: string
  /** JSON Schema. */
  readonly data: object
}

/** A public application of an agent, as the task that it is for flows. */
export interface ApplicationDefinition extends Pick<TaskDefinition, "description" | "inputs" | "statuses"> {
  /** Id of the `mesg-agent` node; empty: the agent of this machine. */
  readonly agent: string
  readonly name: string
}

/** What an editor is given. */
export interface PaletteView {
  readonly revision: string
  readonly services: readonly ServiceDefinition[]
  readonly applications: readonly ApplicationDefinition[]
  /** Types of the deployed flows that no service stands behind, not yet or no more. */
  readonly placeholders: readonly string[]
}

export function definitionOf(manifest: Manifest, removed: boolean): ServiceDefinition {
  const { id, name, version, description } = manifest
  return {
    id,
    name,
    version,
    description,
    removed,
    tasks: mapped(manifest.tasks, (task) => ({
      name: task.name ?? null,
      description: task.description ?? "",
      inputs: task.inputs,
      effect: task.effect,
      statuses: mapped(task.statuses, ({ description: text, data }) => ({ description: text ?? "", data })),
    })),
    events: mapped(manifest.events, (event) => ({
      name: event.name ?? null,
      description: event.description ?? "",
      data: event.data,
    })),
  }
}

/** The types of a service's nodes. */
export function typesOf({ id, tasks, events }: Pick<Manifest, "id" | "tasks" | "events">): string[] {
  return [
    ...Object.keys(tasks).map((task) => generatedTaskType(id, task)),
    ...Object.keys(events).map((event) => generatedEventType(id, event)),
  ]
}

/** Whether a service has what a generated type of its nodes stands for. */
export function hasType({ tasks, events }: Pick<Manifest, "tasks" | "events">, type: string): boolean {
  const kind = nodeKind(type)
  if (kind?.kind === "task") return Object.hasOwn(tasks, kind.task ?? "")
  return kind?.kind === "event" && Object.hasOwn(events, kind.event ?? "")
}

function mapped<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
