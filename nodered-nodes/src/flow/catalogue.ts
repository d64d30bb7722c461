import type { Manifest } from "../../../agent/schema/manifest.ts"
import { portsOf } from "./nodes.ts"

/** What the agents of a flow know: services, and the public applications that can be used as tasks. */
export interface Catalogue {
  manifest(service: string): Manifest | undefined
  /** @param agent id of its `mesg-agent` node, or empty @returns its outputs by name, in their order */
  application(
    name: string,
    agent: string,
  ): { readonly outputs?: Readonly<Record<string, unknown>> | undefined } | undefined
}

/** What a task node runs. */
export type Target = { readonly service: string; readonly task: string } | { readonly application: string }

/** `run` of an application, as the file has it. */
export function runText(target: Target): string {
  return "application" in target ? `app:${target.application}` : `${target.service}.${target.task}`
}

export function targetOf(run: string): Target {
  if (run.startsWith("app:")) return { application: run.slice(4) }
  const dot = run.indexOf(".")
  return { service: run.slice(0, dot), task: run.slice(dot + 1) }
}

/** @returns the declared statuses in the order of the manifest; null where the target is not known */
export function declaredStatuses(target: Target, agent: string, catalogue: Catalogue): readonly string[] | null {
  if ("application" in target) {
    const application = catalogue.application(target.application, agent)
    return application === undefined ? null : Object.keys(application.outputs ?? {})
  }
  const tasks = catalogue.manifest(target.service)?.tasks ?? {}
  return Object.hasOwn(tasks, target.task) ? Object.keys(tasks[target.task]!.statuses) : null
}

/** The ports of a node that does not say its own. */
export function portsOfTarget(target: Target, agent: string, catalogue: Catalogue): readonly string[] {
  return portsOf(declaredStatuses(target, agent, catalogue) ?? [])
}
