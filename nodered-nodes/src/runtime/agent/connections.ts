import { AGENT_GONE, goneAgent, localAgent, remoteAgent } from "../api/endpoint.ts"
import { AgentConnection } from "./connection.ts"

/** How to reach an agent; an empty `url` is the one of this machine. */
export interface AgentAddress {
  readonly url: string
  readonly token: string
}

interface Shared {
  readonly connection: AgentConnection
  users: number
}

/** One connection per agent, however many nodes name it, and over deploys. */
export class Connections {
  readonly #warn: (text: string) => void
  readonly #gone: AgentConnection
  readonly #shared = new Map<string, Shared>()
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
      return known.connection
    }
    const find = address.url === "" ? localAgent() : remoteAgent(address.url, address.token)
    const connection = new AgentConnection(address.url, find, this.#warn)
    this.#shared.set(key, { connection, users: 1 })
    for (const listener of this.#opened) listener(connection)
    connection.start()
    return connection
  }

  async release(address: AgentAddress): Promise<void> {
    const key = keyOf(address)
    const shared = this.#shared.get(key)
    if (shared === undefined || --shared.users > 0) return
    this.#shared.delete(key)
    await shared.connection.stop()
  }

  /** Told of each connection before it is started. */
  onOpened(listener: (connection: AgentConnection) => void): void {
    this.#opened.add(listener)
  }
}

function keyOf({ url, token }: AgentAddress): string {
  return url === "" ? "" : `${url}\0${token}`
}
