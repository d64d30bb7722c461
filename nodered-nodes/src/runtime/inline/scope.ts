import type { CallHandle } from "../services/service-calls.ts"
import type { EventItem } from "../api/shapes.ts"
import type { Message } from "../red.ts"

/**
 * What expressions of an application see, as messages carry it in `msg.mesg`: so a chain means the same inline.
 * @see docs/spec/application.md#expressions
 */
export interface InlineScope {
  readonly trigger?: unknown
  readonly tasks: Readonly<Record<string, { readonly status: string; readonly data: unknown }>>
  /** The event that a wait node waited for, and its data. */
  readonly event?: unknown
  readonly data?: unknown
  /** The call of a service's task that this is the work for. */
  readonly call?: CallHandle
  /** The statuses that lie behind the message, by the nodes whose ports they left: what joins go by. */
  readonly ended?: Readonly<Record<string, string>>
}

/** The message's own scope. One that comes from ordinary nodes has none: its payload stands for the trigger's data. */
export function scopeOf(message: Message): InlineScope {
  const { mesg } = message
  if (typeof mesg === "object" && mesg !== null && "tasks" in mesg) return mesg as InlineScope
  return { trigger: { data: message.payload ?? null }, tasks: {} }
}

/** A message with an event: `payload` is its data. */
export function eventMessage({ service, event, id, time, data }: EventItem): Message {
  const trigger = { service, event, id, time, data }
  return {
    topic: `${service}/${event}`,
    payload: data,
    event: { service, event, id, time },
    mesg: { trigger, tasks: {} },
  }
}

/** A message with the call of a task of a service in a flow: `payload` is its inputs. */
export function callMessage(call: CallHandle, inputs: unknown): Message {
  const { service, task, execution } = call
  const mesg = { trigger: { data: inputs }, tasks: {}, call }
  return { topic: `${service}.${task}`, payload: inputs, execution, mesg }
}

/** A task that ended: the key of its node, and what expressions call it. */
export interface Ended {
  readonly node: string
  readonly name: string
  readonly status: string
  readonly data: unknown
  readonly execution: string
}

/** The message goes on with the result of a task: `payload` is its data, `status` its status. */
export function resultMessage(message: Message, { node, name, status, data, execution }: Ended): Message {
  const scope = scopeOf(message)
  const tasks = { ...scope.tasks, [name]: { status, data } }
  const mesg = { ...scope, tasks, ended: { ...scope.ended, [node]: status } }
  return Object.assign(message, { payload: data, status, execution, mesg })
}

/** The message goes on with the event that was waited for. */
export function awaitedMessage(message: Message, { service, event, id, time, data }: EventItem): Message {
  const awaited = { service, event, id, time }
  const mesg = { ...scopeOf(message), event: { ...awaited, data }, data }
  return Object.assign(message, { payload: data, event: awaited, mesg })
}
