import { AGENT_GONE, goneAgent, localAgent, remoteAgent } from "../api/endpoint.ts"
import { errorText } from "../api/agent-error.ts"
import { CONNECTION_LINGERS_MS } from "../limits.ts"
import { AgentConnection } from "./connection.ts"

/** How to reach an agent; an empty `url` is the one of this machine. */
export interface AgentAddress {
  readonly url: string
  readonly token: string
}

interface Shared {
  readonly connection: AgentConnection
  users: number
  lingering: NodeJS.Timeout | undefined
}

/** One connection per agent, however many nodes name it, and over deploys. */
export class Connections {
  readonly #warn: (text: string) => void
  readonly #gone: AgentConnection
  readonly #shared = new Map<string, Shared>()
  #areHeld = false
  readonly #opened = new Set<(connection: AgentConnection) => void>()

  constructor(warn: (text: string) => void) {
    this.#warn = warn
    this.#gone = new AgentConnection("", goneAgent, warn, AGENT_GONE)
  }

  /** The agent of this machine, whether or not a node names it. */
  get local(): AgentConnection {
    const shared = this.#shared.get("")
    return shared === undefined ? this.acquire({ url: "", token: "" }) : shared.connection
  }

  /** Of who names a `mesg-agent` node that is gone or disabled: nobody answers. */
  get gone(): AgentConnection {
    return this.#gone
  }

  /** Each call must be followed by one of `release`. */
  acquire(address: AgentAddress): AgentConnection {
    const key = keyOf(address)
    const known = this.#shared.get(key)
    if (known !== undefined) {
      known.users++
      clearTimeout(known.lingering)
      return known.connection
    }
    const find = address.url === "" ? localAgent() : remoteAgent(address.url, address.token)
    const connection = new AgentConnection(address.url, find, this.#warn)
    this.#shared.set(key, { connection, users: 1, lingering: undefined })
    for (const listener of this.#opened) listener(connection)
    if (this.#areHeld) connection.hold()
    connection.start()
    return connection
  }

  /** Ends one use. The connection outlasts a deploy, in which each node ends before the next one begins. */
  release(address: AgentAddress): void {
    const key = keyOf(address)
    const shared = this.#shared.get(key)
    if (shared === undefined || --shared.users > 0) return
    shared.lingering = setTimeout(() => {
      this.#shared.delete(key)
      shared.connection.stop().catch((error: unknown) => this.#warn(errorText(error)))
    }, CONNECTION_LINGERS_MS)
    shared.lingering.unref()
  }

  /** Events wait until the flows run again: what happens in the middle of a deploy is not lost. */
  hold(): void {
    this.#areHeld = true
    for (const { connection } of this.#shared.values()) connection.hold()
  }

  letGo(): void {
    this.#areHeld = false
    for (const { connection } of this.#shared.values()) connection.letGo()
  }

  /** Told of each connection before it is started. */
  onOpened(listener: (connection: AgentConnection) => void): void {
    this.#opened.add(listener)
  }
}

function keyOf({ url, token }: AgentAddress): string {
  return url === "" ? "" : `${url}\0${token}`
}
