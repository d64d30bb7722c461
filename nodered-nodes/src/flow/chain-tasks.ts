import { type Catalogue, portsOfTarget, type Target } from "./catalogue.ts"
import { withVariable } from "./environment.ts"
import { keyFrom, taskNameFrom, UniqueNames } from "./names.ts"
import { listOf, textOf, textsOf } from "./raw.ts"
import type { Scope, Shelf } from "./scopes.ts"
import type { GraphNode } from "./wiring.ts"

/** @returns a text property of a node, with a variable of the flow in its place */
export function propertyOf(node: GraphNode, key: string, shelf: Shelf): string {
  return withVariable(textOf(node.raw, key), node.raw, node.scope, shelf)
}

/** @returns the service and event of an event or wait node; those of a generated type stand in the type */
export function eventOf(node: GraphNode, shelf: Shelf): { readonly service: string; readonly event: string } {
  const { kind } = node
  if (kind?.kind === "event" && kind.service !== undefined && kind.event !== undefined) {
    return { service: kind.service, event: kind.event }
  }
  return { service: propertyOf(node, "service", shelf), event: propertyOf(node, "event", shelf) }
}

/** Whether the node is a task of a workflow. */
export function isWork(node: GraphNode): boolean {
  return node.kind?.kind === "task" || node.kind?.kind === "application"
}

/** @returns what a task or application node runs */
export function targetOfNode(node: GraphNode, shelf: Shelf): Target {
  const { kind } = node
  if (kind?.kind === "application") return { application: propertyOf(node, "application", shelf) }
  if (kind?.kind === "task" && kind.service !== undefined && kind.task !== undefined) {
    return { service: kind.service, task: kind.task }
  }
  return { service: propertyOf(node, "service", shelf), task: propertyOf(node, "task", shelf) }
}

/** @param agent of its chain @returns the status of each output port of a task or application node */
export function portsOfNode(node: GraphNode, agent: string, shelf: Shelf, catalogue: Catalogue): readonly string[] {
  const own = textsOf(node.raw["statuses"])
  return own.length > 0 || listOf(node.raw["statuses"]).length > 0
    ? own
    : portsOfTarget(targetOfNode(node, shelf), agent, catalogue)
}

/** The tasks of one workflow by name. */
export interface TaskNaming {
  readonly nameOf: ReadonlyMap<GraphNode, string>
  /** Per scope, what its expressions call a task -> what it is called in the application, where that differs. */
  readonly renamed: ReadonlyMap<Scope, ReadonlyMap<string, string>>
}

/**
 * Names tasks: the name of the node, made a valid one; else that of the task it runs. A number makes it unique, and a
 * name that was written as it is comes first. The names inside of a subflow are its own: used twice, its tasks have two
 * names, and the expressions of each use mean their own.
 * @param nodes the task and application nodes of a workflow, in the order of the flow
 */
export function nameTasks(nodes: readonly GraphNode[], shelf: Shelf): TaskNaming {
  const nameOf = new Map<GraphNode, string>()
  const renamed = new Map<Scope, Map<string, string>>()
  const taken = new UniqueNames("_")
  const byScope = [...localTaskNames(nodes, shelf)]
  // Tabs before subflows: what stands on a tab is not renamed for what stands in a subflow.
  for (const [scope, names] of byScope.sort(([a], [b]) => a.instances.length - b.instances.length)) {
    const changed = new Map<string, string>()
    for (const [node, local] of names) {
      const name = taken.take(local)
      nameOf.set(node, name)
      if (name !== local) changed.set(local, name)
    }
    if (changed.size > 0) renamed.set(scope, changed)
  }
  return { nameOf, renamed }
}

/** @returns per scope what its expressions call each of its tasks; `nodes` as in nameTasks */
export function localTaskNames(nodes: readonly GraphNode[], shelf: Shelf): Map<Scope, Map<GraphNode, string>> {
  const byScope = new Map<Scope, GraphNode[]>()
  for (const node of nodes) {
    const here = byScope.get(node.scope)
    if (here === undefined) byScope.set(node.scope, [node])
    else here.push(node)
  }
  return new Map([...byScope].map(([scope, here]) => [scope, localNames(here, shelf)]))
}

function localNames(nodes: readonly GraphNode[], shelf: Shelf): Map<GraphNode, string> {
  const wished = nodes.map((node) => ({ node, label: propertyOf(node, "name", shelf) }))
  const names = new Map<GraphNode, string>()
  const taken = new UniqueNames("_")
  for (const { node, label } of wished) {
    if (label !== "" && taskNameFrom(label) === label && !taken.has(label)) {
      names.set(node, taken.take(label))
    }
  }
  for (const { node, label } of wished) {
    if (names.has(node)) continue
    const target = targetOfNode(node, shelf)
    const own = "application" in target ? target.application : target.task
    names.set(node, taken.take(taskNameOf(label, own)))
  }
  return names
}

/** @param own name of the task or application that the node runs @returns what its task is called while no other is */
export function taskNameOf(label: string, own: string): string {
  return taskNameFrom(label) || taskNameFrom(own) || "task"
}

/** @returns the name of the workflow that the event node begins, not yet made unique */
export function workflowNameOf(event: GraphNode, shelf: Shelf): string {
  return keyFrom(propertyOf(event, "name", shelf)) || keyFrom(eventOf(event, shelf).event) || "workflow"
}
