import type { ServiceId } from "../../base/ids.ts"
import { EVENT_DATA_BYTES_MAX } from "../../base/limits.ts"
import type { Event } from "../../schema/event.ts"
import type { Applications } from "../core.ts"
import { EventError } from "../events/error.ts"
import { isLarge } from "../events/size.ts"
import type { ExecutionBook } from "../executions/executions.ts"
import type { EnginePorts } from "../ports.ts"
import type { ApplicationBook } from "./applications.ts"
import { ApplicationError } from "./error.ts"
import type { PinnedWorkflow } from "./pinned.ts"

/** The applications with what needs executions too: starting one by hand. */
export function withRun(book: ApplicationBook, executions: ExecutionBook, ports: EnginePorts): Applications {
  return {
    validate: (document) => book.validate(document),
    deploy: (document, config) => book.deploy(document, config),
    list: (paging) => book.list(paging),
    show: (name) => book.show(name),
    pause: (name) => book.pause(name),
    resume: (name) => book.resume(name),
    remove: (name) => book.remove(name),
    async run(name, workflow, data) {
      const pinned = choose(book, name, workflow)
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

/** @throws ApplicationError APPLICATION_NOT_FOUND, WORKFLOW_NOT_FOUND */
function choose(book: ApplicationBook, name: string, workflow: string | null): PinnedWorkflow {
  const workflows = book.workflows(name)
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

/** What starts an execution by hand must fit as if it had come. @throws EventError EVENT_DATA_INVALID, EVENT_TOO_LARGE */
function checkTrigger(pinned: PinnedWorkflow, { service, event, data }: Event): void {
  const refuse = (code: "EVENT_DATA_INVALID" | "EVENT_TOO_LARGE", reason: string) => {
    throw new EventError({ code, service, event }, `event ${service}/${event}: ${reason}`, {
      remedy: `see what the event carries: mesg service show ${service}`,
    })
  }
  if (isLarge(data)) refuse("EVENT_TOO_LARGE", `the data is larger than ${EVENT_DATA_BYTES_MAX} bytes`)
  const [issue] = pinned.checkTrigger(data)
  if (issue !== undefined) refuse("EVENT_DATA_INVALID", `data${issue.path}: ${issue.message}`)
}
