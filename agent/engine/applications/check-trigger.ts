import { EVENT_DATA_BYTES_MAX } from "../../base/limits.ts"
import type { Event } from "../../schema/event.ts"
import { EventError } from "../events/error.ts"
import { isLarge } from "../../schema/json-size.ts"
import type { PinnedWorkflow } from "./pinned.ts"

/** What starts an execution by hand must fit as if it had come. @throws EventError EVENT_DATA_INVALID, EVENT_TOO_LARGE */
export function checkTrigger(pinned: PinnedWorkflow, { service, event, data }: Event): void {
  const refuse = (code: "EVENT_DATA_INVALID" | "EVENT_TOO_LARGE", reason: string) => {
    throw new EventError({ code, service, event }, `event ${service}/${event}: ${reason}`, {
      remedy: `see what the event carries: mesg service show ${service}`,
    })
  }
  if (isLarge(data)) refuse("EVENT_TOO_LARGE", `the data is larger than ${EVENT_DATA_BYTES_MAX} bytes`)
  const [issue] = pinned.checkTrigger(data)
  if (issue !== undefined) refuse("EVENT_DATA_INVALID", `data${issue.path}: ${issue.message}`)
}
