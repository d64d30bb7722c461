import type { Change } from "./store.ts"

/** Who a client is and what it may do. Rights are checked at publish, subscribe, will, retained and delivery. */
export interface Principal {
  readonly name: string
  /** Topic filters it may publish to. */
  readonly publish: readonly string[]
  /** Topic filters it may subscribe to (a wider subscription is refused) and receive from. */
  readonly subscribe: readonly string[]
}

export interface Credentials {
  readonly clientId: string
  readonly username: string | null
  readonly password: Uint8Array | null
  /** Common name of a verified client certificate. */
  readonly certificate: string | null
  readonly transport: "tcp" | "tls" | "websocket"
  readonly address: string
}

/** @returns who it is, or null to refuse (CONNACK 5) */
export type Authenticate = (credentials: Credentials) => Promise<Principal | null>

export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
}

/** Who published. */
export interface Sender {
  readonly clientId: string
  readonly principal: Principal
}

export interface IncomingMessage extends Message {
  readonly from: Sender
  /** It was retained before the agent subscribed: said again, not said now. */
  readonly replayed: boolean
  /**
   * The broker's own records of this message: (client, packet id) of QoS 2, queues of absent clients, the retained copy.
   * Who writes the message's own records passes these in the same write and so makes them one; if nobody took them when
   * the handlers are done, the broker writes them itself.
   */
  takeChanges(): readonly Change[]
}

/**
 * Handed a message before it is acknowledged: the PUBACK or PUBREC waits for the promise.
 * If it rejects, no acknowledgement is sent and the connection is closed, so that the client sends again.
 */
export type MessageHandler = (message: IncomingMessage) => Promise<void> | void

/** Topics where only the agent publishes, whatever the rights of its clients. */
export interface Reserved {
  readonly filter: string
  /** What matches the filter and is free all the same. */
  readonly except: readonly string[]
  /** A client published there: it goes nowhere, is counted, and is acknowledged when this resolves. */
  refused(topic: string, from: Sender): Promise<void>
}

export interface ClientView {
  readonly clientId: string
  readonly principal: string
  readonly transport: string
  readonly connectedSinceMs: number
}

export interface Broker {
  /** To all subscribers, and kept if `retain`. Resolves when queued for the connected and durable for the absent. */
  publish(message: Message): Promise<void>
  /** The agent's own subscription; retained messages are handed over at once. Messages of `publish` are not echoed. */
  subscribe(filter: string, handler: MessageHandler): () => void
  /** @returns ends it */
  reserve(reserved: Reserved): () => void
  retained(filter: string): Iterable<Message>
  /** Whether any client would get a message on this topic: what nobody wants need not be put together. */
  wanted(topic: string): boolean
  /** Whether a connected client gets messages on this topic, by a filter of its own that begins with `prefix`. */
  attended(topic: string, prefix: string): boolean
  clients(): readonly ClientView[]
  /** Rights of a principal changed or ended: its clients are checked again, and disconnected where refused. */
  recheck(principal: string): Promise<void>
  /** Stops reading from publishers (QoS 1 and 2 wait) while true. */
  hold(holding: boolean): void
}
