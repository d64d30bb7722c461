import type { ApplicationWorkflow } from "../../schema/application.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { inAllForms } from "../../schema/redact.ts"
import type { Redactions, TaskDefinition } from "./definition.ts"

/**
 * What executions of a workflow do not show: what the manifests say of events and tasks, and what the application adds.
 * @param tasks as compiled, in the workflow's order
 * @returns undefined where everything is shown
 */
export function redactionsOf(
  workflow: ApplicationWorkflow,
  tasks: readonly TaskDefinition[],
  manifest: (service: string) => Manifest | undefined,
): Redactions | undefined {
  const events: Record<string, readonly string[]> = {}
  const ofEvent = (at: { service: string; event: string; redact?: readonly string[] | undefined }) => {
    const topic = `${at.service}/${at.event}`
    const { redact: declared = [], forms } = manifest(at.service)?.events[at.event] ?? {}
    const paths = inAllForms([...new Set([...(events[topic] ?? []), ...declared, ...(at.redact ?? [])])], forms)
    if (paths.length > 0) events[topic] = paths
  }
  ofEvent(workflow.trigger)
  const ofTasks = tasks.map(({ name, run }) => {
    const { wait, redact = [] } = workflow.tasks[name]!
    if (wait !== undefined) ofEvent(wait)
    const { redact: declared = [], forms } = ("service" in run ? manifest(run.service)?.tasks[run.task] : null) ?? {}
    return inAllForms([...declared, ...redact], forms)
  })
  const isNothing = Object.keys(events).length === 0 && ofTasks.every((paths) => paths.length === 0)
  return isNothing ? undefined : { events, tasks: ofTasks }
}
