import type { BuiltInStatus } from "../../../agent/schema/names.ts"
import { type Raw, textOf } from "./raw.ts"

/**
 * Our nodes as Node-RED stores them in `flows.json`. See docs/spec/node-red.md#nodes.
 * The editor declares exactly these properties in `defaults`; what reads a flow treats every one of them as untrusted.
 */

/** Types of the nodes that are always in the palette. */
export const NODE_TYPES = {
  /** Configuration node: the connection to an agent. */
  agent: "mesg-agent",
  /** Configuration node: what concerns an application as a whole. */
  settings: "mesg-settings",
  event: "mesg-event",
  task: "mesg-task",
  wait: "mesg-wait",
  application: "mesg-application",
  serviceTask: "mesg-service-task",
  serviceResult: "mesg-service-result",
  serviceEvent: "mesg-service-event",
} as const

/** Type of the generated node of one task: the same as `mesg-task` with `service` and `task` fixed. */
export type GeneratedTaskType = `mesg:${string}.${string}`
/** Type of the generated node of one event: the same as `mesg-event` with `service` and `event` fixed. */
export type GeneratedEventType = `mesg:${string}/${string}`

export function generatedTaskType(service: string, task: string): GeneratedTaskType {
  return `mesg:${service}.${task}`
}

export function generatedEventType(service: string, event: string): GeneratedEventType {
  return `mesg:${service}/${event}`
}

/** What a node's type stands for. A generated type names its service and its task or event. */
export type NodeKind =
  | { readonly kind: "task"; readonly service?: string; readonly task?: string }
  | { readonly kind: "event"; readonly service?: string; readonly event?: string }
  | { readonly kind: Exclude<keyof typeof NODE_TYPES, "task" | "event"> }

const GENERATED = /^mesg:([a-z][a-z0-9-]*)([./])([a-z][a-z0-9-]*)$/
const KINDS = new Map(Object.entries(NODE_TYPES).map(([kind, type]) => [type, kind as keyof typeof NODE_TYPES]))

/** @returns what the type stands for, null for a node that is not ours */
export function nodeKind(type: string): NodeKind | null {
  const kind = KINDS.get(type as (typeof NODE_TYPES)[keyof typeof NODE_TYPES])
  if (kind !== undefined) return { kind }
  const [, service, separator, name] = GENERATED.exec(type) ?? []
  if (service === undefined || name === undefined) return null
  return separator === "." ? { kind: "task", service, task: name } : { kind: "event", service, event: name }
}

/** @returns the service that a generated type names; null for any other type */
export function serviceOfType(type: string): string | null {
  const kind = nodeKind(type)
  return kind !== null && "service" in kind ? (kind.service ?? null) : null
}

/** @returns the generated type that says the same as a node does; null for one that names nothing, or something else */
export function generatedTypeOf(node: Raw & { readonly type: string }): string | null {
  const kind = nodeKind(node.type)?.kind
  const service = textOf(node, "service")
  const type =
    kind === "task"
      ? generatedTaskType(service, textOf(node, "task"))
      : generatedEventType(service, textOf(node, "event"))
  const own = node.type.startsWith("mesg:") ? node.type : type
  return (kind === "task" || kind === "event" || kind === "wait") && nodeKind(own) !== null ? own : null
}

/** Statuses that every task has beside its declared ones, in the order of their ports. */
export const BUILT_IN_PORTS: readonly BuiltInStatus[] = ["error", "timed-out", "cancelled"]

/**
 * The ports of a new task node: the declared statuses in the order of the manifest (of an application: of its
 * `outputs`), then `error`, `timed-out`, `cancelled`.
 * A node keeps the ports it was drawn with in its own `statuses`, so that a wire goes on meaning the status it was drawn
 * from when the manifest changes. A built-in status without a wire may be hidden: it is then left out of `statuses`.
 * @param declared names of the declared statuses, in order
 * @param hidden built-in statuses that are not shown
 */
export function portsOf(declared: readonly string[], hidden: readonly string[] = []): string[] {
  return [...declared, ...BUILT_IN_PORTS.filter((status) => !hidden.includes(status))]
}

/** Ports of a `mesg-wait`: the event came; it did not come in time (hidden while there is no `timeout` and no wire). */
export const WAIT_PORTS = ["arrived", "timed-out"] as const

/**
 * How a typed input of Node-RED is stored: the kind that was chosen, and what was typed, always as text.
 *
 * | type | value | in a compiled chain |
 * |---|---|---|
 * | `str` | text, in which `{{ }}` are expressions as in an application file | as it is |
 * | `num` | a number | as it is |
 * | `bool` | `true` or `false` | as it is |
 * | `json` | JSON, in whose texts `{{ }}` are expressions | as it is |
 * | `jsonata` | an expression over `trigger`, `tasks`, `config`, `event`, `data` | `{{ value }}` |
 * | `msg` | `payload` or a path below it: the data of what this node follows | `{{ trigger.data… }}` behind the event, `{{ tasks.x.data… }}` behind the statuses of one task |
 * | `env` | a name that the subflow, group or tab defines | its value; else the chain is inline |
 * | `flow`, `global`, any other `msg` | as in Node-RED | makes the chain inline |
 *
 * Inline, `str`, `json` and `jsonata` see the same names as an application does, so that a chain means the same both ways.
 */
export interface TypedValue {
  readonly type: "str" | "num" | "bool" | "json" | "jsonata" | "msg" | "flow" | "global" | "env"
  readonly value: string
}

/** What every node has in `flows.json`. */
interface StoredNode {
  readonly id: string
  /** The tab, or the subflow, that the node stands on. */
  readonly z: string
  /** The group it stands in. */
  readonly g?: string
  readonly x: number
  readonly y: number
  /** Per output port the ids of the nodes that it leads to. */
  readonly wires: readonly (readonly string[])[]
  /** Disabled in the editor. */
  readonly d?: boolean
  /** Shown on the node. */
  readonly name: string
  /** Node-RED's own description of a node; becomes `description` in the application. */
  readonly info?: string
}

/** Configuration node `mesg-agent`; every other node names it in `agent`. The token is a credential, never in `flows.json`. */
export interface AgentNode {
  readonly id: string
  readonly type: typeof NODE_TYPES.agent
  readonly name: string
  /** `http://127.0.0.1:6374`; empty: the agent of the same user on this machine, found by its `run/agent.json`. */
  readonly url: string
}

/**
 * Configuration node `mesg-settings`: what concerns an application as a whole. Optional: without one, the triggers of a
 * tab are one private application without settings that is named after the tab's label.
 * All triggers that name the same settings node in `settings` are workflows of one application, on whatever tab.
 * Values for the settings are a password of this node (`values`, JSON): handed over at deploy, never in `flows.json`,
 * and never given back to an editor.
 * The version is counted by the agent: a deploy that changes the document makes a new one.
 */
export interface SettingsNode {
  readonly id: string
  readonly type: typeof NODE_TYPES.settings
  /** Name of the application; empty: the label of the tab of its first trigger. */
  readonly name: string
  readonly description: string
  readonly visibility: "private" | "public"
  /** JSON: setting -> JSON Schema, with `default` and `secret` as in the application's `config`; empty: none. */
  readonly config: string
}

/**
 * `mesg-event` and the generated nodes of events: the trigger of a workflow. One output.
 * `name` becomes the name of the workflow (made a valid one; empty: the event's own).
 */
export interface EventNode extends StoredNode {
  readonly type: typeof NODE_TYPES.event | GeneratedEventType
  readonly agent: string
  /** Id of the `mesg-settings`, or empty. */
  readonly settings: string
  readonly service: string
  readonly event: string
  /** JSONata over `data`; empty: every occurrence. */
  readonly where: string
  /** Durations as in an application, `10s`; empty: none. */
  readonly debounce: string
  readonly throttle: string
  readonly overlap: "parallel" | "queue" | "skip"
  /** JSON pointers of what executions do not show of the data. */
  readonly redact?: readonly string[]
}

/**
 * How several statuses that lead to a node are joined: all of them must be there, or the first is enough. `auto`, and none
 * at all, is `any` where two of them are of one task, as that ends in one only, else `all`.
 */
export type Join = "auto" | "all" | "any"

/** What tasks and called applications have in common. One output per entry of `statuses`, in that order. */
interface WorkNode extends StoredNode {
  readonly agent: string
  /** The status of each output port, as it was when the wires were drawn. See portsOf. */
  readonly statuses: readonly string[]
  /** How many ports that is: Node-RED's editor draws by this. */
  readonly outputs: number
  /** The inputs of the task by name. */
  readonly with: Readonly<Record<string, TypedValue>>
  /** One value that is all of the inputs, instead of `with`. */
  readonly withAll?: TypedValue | null
  readonly join: Join
  /** Overrides of the manifest. */
  readonly retry?: { readonly attempts?: number; readonly backoffMs?: number; readonly factor?: number } | null
  /** A duration; empty: the manifest's. */
  readonly timeout: string
  readonly redact?: readonly string[]
  /**
   * `after` as the application wrote it that this node was imported from. The wires decide what is followed; this keeps
   * the order and the form of what they say. The editor hands it on and does not show it.
   */
  readonly after?: string | readonly string[]
}

/** `mesg-task` and the generated nodes of tasks. `name` becomes the name of the task (empty: the task's own). */
export interface TaskNode extends WorkNode {
  readonly type: typeof NODE_TYPES.task | GeneratedTaskType
  readonly service: string
  readonly task: string
}

/** `mesg-application`: a public application, used as a task. */
export interface ApplicationNode extends WorkNode {
  readonly type: typeof NODE_TYPES.application
  readonly application: string
}

/**
 * `mesg-wait`: joins the statuses that lead here with one external event. Ports: WAIT_PORTS.
 * Every task behind `arrived` waits for the event. `timed-out` is the `timed-out` of the one task behind `arrived`.
 */
export interface WaitNode extends StoredNode {
  readonly type: typeof NODE_TYPES.wait
  readonly agent: string
  readonly service: string
  readonly event: string
  /** JSONata over `data` of the event, `trigger`, `tasks`, `config`; empty: any. */
  readonly where: string
  readonly join: Join
  /** A duration; empty: waits as long as it takes. */
  readonly timeout: string
  readonly redact?: readonly string[]
}

/**
 * `mesg-service-task`: a task of a Service that is written as a flow. One output: the call.
 * It answers in `mesg-service-result` nodes behind it; the ports of its callers are their statuses.
 */
export interface ServiceTaskNode extends StoredNode {
  readonly type: typeof NODE_TYPES.serviceTask
  readonly agent: string
  readonly service: string
  readonly task: string
  /** JSON: as of a task in a manifest (`inputs`, `effect`, `timeoutMs`, …) without `statuses`. */
  readonly declaration: string
}

/**
 * `mesg-service-result`: the answer to the caller. One input, no output.
 * Behind a `mesg-service-task` it ends that task. Behind the status of a task in a compiled chain it is one of the
 * `outputs` of the application, which can then be used as a task where it is public.
 */
export interface ServiceResultNode extends StoredNode {
  readonly type: typeof NODE_TYPES.serviceResult
  readonly agent: string
  /** The status in which the call ends. */
  readonly status: string
  /** The data by name; `withAll`: one value that is all of it. */
  readonly with: Readonly<Record<string, TypedValue>>
  readonly withAll?: TypedValue | null
  /** JSON Schema of the data, as JSON; empty: any. */
  readonly schema: string
}

/** `mesg-service-event`: an event of a Service that is written as a flow. One input, no output; always inline. */
export interface ServiceEventNode extends StoredNode {
  readonly type: typeof NODE_TYPES.serviceEvent
  readonly agent: string
  readonly service: string
  readonly event: string
  /** JSON: as of an event in a manifest (`data`, `identity`, …). */
  readonly declaration: string
  readonly with: Readonly<Record<string, TypedValue>>
  readonly withAll?: TypedValue | null
}

/** Nodes that may stand in a compiled chain. */
export type ChainNode = EventNode | TaskNode | ApplicationNode | WaitNode | ServiceResultNode
export type MesgNode = AgentNode | SettingsNode | ChainNode | ServiceTaskNode | ServiceEventNode
