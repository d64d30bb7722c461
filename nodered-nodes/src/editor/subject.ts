import { nodeKind } from "../flow/nodes.ts"
import { textOf } from "../flow/raw.ts"
import type { ApplicationDefinition, ServiceDefinition, TaskDefinition } from "../runtime/palette/definition.ts"
import type { Schema } from "./field.ts"
import type { EditorNode } from "./red.ts"

/** The task or application that a node stands for, as it is at the moment. */
export interface Subject {
  readonly inputs: Schema
  /** Names of its declared statuses; null where it is not known (any more). */
  readonly statuses: readonly string[] | null
  /** Whether no agent ever had the service. */
  readonly isUnknown: boolean
  /** The texts of its statuses. */
  readonly descriptions: Readonly<Record<string, string>>
}

/** The services that this editor knows. */
export const services = new Map<string, ServiceDefinition>()

/** The public applications that this editor knows. */
let applications: readonly ApplicationDefinition[] = []

export function knowApplications(all: readonly ApplicationDefinition[]): void {
  applications = all
}

/** @param agent id of its node; empty: the agent of this machine */
export function applicationsOf(agent: string): readonly ApplicationDefinition[] {
  return applications.filter((one) => one.agent === agent)
}

/** Whether a node does work, and so has a subject. */
export function isWork({ type }: EditorNode): boolean {
  const kind = nodeKind(type)?.kind
  return kind === "task" || kind === "application"
}

export function subjectOf(node: EditorNode): Subject {
  const kind = nodeKind(node.type)
  if (kind?.kind === "application") return applicationSubject(textOf(node, "agent"), textOf(node, "application"))
  const fixed = kind?.kind === "task" ? kind : { service: undefined, task: undefined }
  const agent = textOf(node, "agent")
  return taskSubject(fixed.service ?? textOf(node, "service"), fixed.task ?? textOf(node, "task"), agent)
}

/** @param agent id of its node; empty: the agent of this machine */
export function taskSubject(service: string, task: string, agent: string): Subject {
  const known = services.get(service)
  const node = RED.nodes.node(agent)
  // Two agents may have two versions of it.
  const found = known?.byAgent?.[node === null || node === undefined ? "" : textOf(node, "url")] ?? known
  const tasks = found === undefined || found.removed ? {} : found.tasks
  return { ...subjectAs(Object.hasOwn(tasks, task) ? tasks[task]! : null), isUnknown: found === undefined }
}

export function applicationSubject(agent: string, application: string): Subject {
  return subjectAs(applicationsOf(agent).find(({ name }) => name === application) ?? null)
}

function subjectAs(found: Pick<TaskDefinition, "inputs" | "statuses"> | null): Subject {
  if (found === null) return { inputs: {}, statuses: null, isUnknown: false, descriptions: {} }
  const descriptions = Object.entries(found.statuses).map(([status, { description }]) => [status, description] as const)
  return {
    inputs: found.inputs as Schema,
    statuses: Object.keys(found.statuses),
    isUnknown: false,
    descriptions: Object.fromEntries(descriptions),
  }
}
