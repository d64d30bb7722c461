import type { ServiceId } from "../../base/ids.ts"
import type { Event } from "../../schema/event.ts"
import type { Applications } from "../core.ts"
import type { ExecutionBook } from "../executions/executions.ts"
import type { EnginePorts } from "../ports.ts"
import type { ApplicationBook } from "./applications.ts"
import { checkTrigger } from "./check-trigger.ts"
import { dryRun } from "./dry-run.ts"
import { ApplicationError } from "./error.ts"
import type { PinnedWorkflow } from "./pinned.ts"

/** The applications with what needs executions too: starting one by hand. */
export function withRun(book: ApplicationBook, executions: ExecutionBook, ports: EnginePorts): Applications {
  return {
    validate: (document) => book.validate(document),
    deploy: (document, config) => book.deploy(document, config),
    async dryRun(document, { config, workflow, data, outcomes }) {
      const { verdict, name, workflows } = book.tryOut(document, config)
      if (!verdict.ok) return { ...verdict, run: null }
      const parts = { expressions: ports.expressions, catalogue: book.catalogue, nowMs: ports.clock.now() }
      return { ...verdict, run: await dryRun(choose(workflows, name, workflow), data, outcomes, parts) }
    },
    list: (paging) => book.list(paging),
    show: (name) => book.show(name),
    pause: (name) => book.pause(name),
    resume: (name) => book.resume(name),
    remove: (name) => book.remove(name),
    async run(name, workflow, data) {
      const pinned = choose(book.workflows(name), name, workflow)
      const { trigger, app, version, workflow: chosen } = pinned.definition
      const event: Event = {
        service: trigger.service as ServiceId,
        event: trigger.event,
        data,
        id: null,
        timeMs: ports.clock.now(),
      }
      checkTrigger(pinned, event)
      return executions.view(await executions.create({ app, workflow: chosen, version }, pinned, event, null))
    },
  }
}

/** @throws ApplicationError WORKFLOW_NOT_FOUND */
function choose(workflows: ReadonlyMap<string, PinnedWorkflow>, name: string, workflow: string | null): PinnedWorkflow {
  const [only] = workflows.size === 1 ? workflows.values() : []
  const pinned = workflow === null ? only : workflows.get(workflow)
  if (pinned !== undefined) return pinned
  throw new ApplicationError(
    { code: "WORKFLOW_NOT_FOUND", application: name, workflow: workflow ?? "" },
    workflow === null
      ? `application "${name}" has several workflows`
      : `application "${name}" has no workflow "${workflow}"`,
    { remedy: `name one of: ${[...workflows.keys()].join(", ")}` },
  )
}
