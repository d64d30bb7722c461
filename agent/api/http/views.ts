import type { ApplicationView, Page, ServiceView } from "../../engine/core.ts"
import type { Event, RefusedEvent } from "../../schema/event.ts"
import type { LogLine } from "../deps.ts"
import type { Token } from "./tokens.ts"

/** Times leave the agent as ISO 8601. */
export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

export function eventView(event: Event) {
  return { service: event.service, event: event.event, id: event.id, time: isoTime(event.timeMs), data: event.data }
}

export function refusedView({ timeMs, ...event }: RefusedEvent) {
  return { ...event, time: isoTime(timeMs) }
}

export function applicationView({ deployedMs, ...application }: ApplicationView) {
  return { ...application, deployed: isoTime(deployedMs) }
}

export function serviceView(service: ServiceView): ServiceView {
  const { id, name, version, description, kind, shipped, networkAny } = service
  const { state, error, events, tasks, restarts, memoryBytes, lostSecrets, warnings } = service
  return {
    id,
    name,
    version,
    description,
    kind,
    shipped,
    networkAny,
    state,
    error,
    events,
    tasks,
    restarts,
    memoryBytes,
    lostSecrets,
    warnings,
  }
}

export function tokenView({ createdMs, ...token }: Token) {
  return { ...token, created: isoTime(createdMs) }
}

export function logView({ timeMs, ...line }: LogLine) {
  return { time: isoTime(timeMs), ...line }
}

export function pageView<From, To>(page: Page<From>, view: (item: From) => To): Page<To> {
  return { items: page.items.map(view), cursor: page.cursor }
}
