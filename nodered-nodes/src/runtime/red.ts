import type { Server } from "node:http"

/** What these nodes use of Node-RED's runtime (4.1 and 5). Node-RED brings no types of its own. */
export interface Red {
  readonly nodes: {
    createNode(node: RedNode, config: NodeConfig): void
    getNode(id: string): RedNode | null
    /** Of the flows that were read or deployed last, also before they run. */
    eachNode(visit: (node: NodeConfig) => void): void
    registerType(type: string, constructor: NodeConstructor, options?: TypeOptions): void
  }
  readonly settings: {
    readonly userDir?: string
    readonly httpAdminRoot?: string
    /** Whether an agent runs this Node-RED. */
    readonly mesgAgent?: boolean
  }
  readonly server: Server
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void }
  readonly events: {
    on(event: "flows:started", listener: (started: FlowsEvent) => void): void
    /** Where it is for a deploy, `config` is what comes behind it. */
    on(event: "flows:stopping", listener: (stopping: FlowsEvent) => void): void
    emit(event: "type-registered", type: string): void
    on(event: "runtime-event", listener: (event: { readonly id: string }) => void): void
  }
  readonly comms: { publish(topic: string, data: unknown, retain?: boolean): void }
  readonly auth: { needsPermission(permission: string): Middleware }
  readonly httpAdmin: {
    get(path: string, ...handlers: Middleware[]): void
    post(path: string, ...handlers: Middleware[]): void
  }
  readonly util: {
    evaluateNodeProperty(
      value: string,
      type: string,
      node: RedNode,
      message: Message,
      done: (error: Error | null, value: unknown) => void,
    ): void
    prepareJSONataExpression(source: string, node: RedNode): object
    evaluateJSONataExpression(expression: object, input: object, done: (error: unknown, value: unknown) => void): void
    cloneMessage(message: Message): Message
    generateId(): string
  }
  /** The text of a key in the catalogue of this set, in the language of the runtime. */
  _(key: string, values?: Readonly<Record<string, unknown>>): string
}

export type Middleware = (request: Request_, response: Response_, next: () => void) => void

interface Request_ {
  readonly query: Readonly<Record<string, unknown>>
  /** Of a POST, as JSON. */
  readonly body?: unknown
}

interface Response_ {
  set(name: string, value: string): Response_
  status(code: number): Response_
  json(value: unknown): void
}

/** A node as it stands in flows.json. */
export interface NodeConfig {
  readonly id: string
  readonly type: string
  readonly z?: string
  readonly name?: string
  readonly wires?: readonly (readonly string[])[]
  readonly [key: string]: unknown
}

export interface FlowsEvent {
  readonly config: { readonly flows: readonly NodeConfig[] }
  readonly type: string
}

export interface Message {
  _msgid?: string
  payload?: unknown
  topic?: unknown
  mesg?: unknown
  [key: string]: unknown
}

export interface Status {
  readonly fill?: "red" | "green" | "yellow" | "blue" | "grey"
  readonly shape?: "ring" | "dot"
  readonly text?: string
}

export type Send = (messages: Message | (Message | null)[]) => void
export type Done = (error?: Error) => void
type InputListener = (this: RedNode, message: Message, send: Send, done: Done) => void
type CloseListener = (removed: boolean, done: () => void) => void

export interface RedNode {
  readonly id: string
  readonly type: string
  readonly z: string
  readonly name?: string
  /** Of the tab, the subflow instances around it and the node, as they are drawn. */
  readonly _path: string
  readonly credentials?: Readonly<Record<string, string | undefined>>
  /** As they are now: a deploy that changes wires alone keeps the node. */
  readonly wires: readonly (readonly string[])[]
  on(event: "input", listener: InputListener): void
  on(event: "close", listener: CloseListener): void
  send: Send
  status(status: Status): void
  error(text: unknown, message?: Message): void
  warn(text: unknown): void
  log(text: unknown): void
}

export type NodeConstructor = (this: RedNode, config: NodeConfig) => void

export interface TypeOptions {
  readonly credentials?: Readonly<Record<string, { readonly type: "text" | "password" }>>
  /** Names begin with the type in camel case. `value` is read whenever an editor loads. */
  readonly settings?: Readonly<Record<string, { readonly exportable: boolean; readonly value: unknown }>>
}
