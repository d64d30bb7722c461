import {
  type ManifestInput,
  type RemoteHandlers,
  type RemoteServiceHandle,
  type RemoteTaskContext,
  remoteService,
  type TaskResult,
} from "../../../../agent/sdk.ts"
import { type FlowService, servicesOf } from "../../flow/service-flow.ts"
import type { Place } from "../../flow/scopes.ts"
import type { AgentConnection } from "../agent/connection.ts"
import type { Connections } from "../agent/connections.ts"
import { errorText } from "../api/agent-error.ts"
import { keyOfNode, keyOfPlace, type LiveNodes } from "../deploy/live-nodes.ts"
import { REQUEST_TIMEOUT_MS } from "../limits.ts"
import { Claims, isDrawn, keyOf, MadeHere, type Owner } from "../made-here.ts"
import { agentConnection, isAgentGone } from "../nodes/agent.ts"
import { awayStatus } from "../nodes/statuses.ts"
import type { NodeConfig, Red, RedNode, Status } from "../red.ts"
import { type Answer, type CallHandle, ServiceCalls } from "./service-calls.ts"

/** A call of a task, as the node of that task is given it. */
export interface ServiceCall {
  readonly handle: CallHandle
  readonly inputs: unknown
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<unknown>
}

/** A service that this Node-RED registered: its name is the id of the service. */
interface Offer extends Owner {
  readonly manifest: ManifestInput
}

interface Running {
  readonly id: string
  readonly core: string
  readonly handle: RemoteServiceHandle
  manifest: string
}

/**
 * The Services that are written as flows: registered with their agents at each deploy, like any service in a program of
 * its own. What a service says of itself changes live; one whose nodes are gone is taken away.
 */
export class FlowServices {
  readonly #red: Red
  readonly #connections: Connections
  readonly #live: LiveNodes
  /** By the id of a configuration node. */
  readonly #connectionOf = (agent: string) => agentConnection(this.#red, this.#connections, agent)
  readonly #offers: MadeHere<Offer>
  readonly #calls = new ServiceCalls()
  readonly #running = new Map<string, Running>()
  /** By the node that takes calls. */
  readonly #takers = new Map<string, (call: ServiceCall) => void>()
  #services: readonly FlowService[] = []
  #flows: readonly NodeConfig[] = []
  #refused = false
  /** Calls wait between two deploys until the nodes are there again. */
  #ready = pending()
  #life = new AbortController()
  #turn: Promise<void> = Promise.resolve()

  constructor(red: Red, connections: Connections, live: LiveNodes) {
    this.#red = red
    this.#connections = connections
    this.#live = live
    this.#offers = new MadeHere(red, "mesg-services.json")
  }

  started(flows: readonly NodeConfig[]): void {
    this.#life.abort(new Error("the flows are deployed again"))
    this.#life = new AbortController()
    this.#flows = flows
    this.#services = servicesOf(flows)
    this.#ready.open()
    const { signal } = this.#life
    this.#turn = this.#turn
      .then(() => this.#deploy(signal))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#red.log.error(`mesg: ${errorText(error)}`)
      })
  }

  /** Resolves when the agents have been told of the services of these flows, whatever they said. */
  get told(): Promise<void> {
    return this.#turn
  }

  stopping(): void {
    this.#ready = pending(this.#ready)
  }

  /** An agent that was away is there again. */
  retry(): void {
    const missing = this.#services.some(({ agent, id }) => !this.#running.has(keyOf(agent, id)))
    if (missing || this.#refused || this.#offers.all().length > this.#running.size) this.started(this.#flows)
  }

  /** Says on the nodes whether their agent is there. */
  agentChanged(connection: AgentConnection): void {
    for (const service of this.#services) {
      const { agent, id } = service
      if (this.#connectionOf(agent) !== connection || service.faults.length > 0) continue
      if (connection.problem !== null) this.#show(service, awayStatus(this.#red, connection))
      else if (this.#running.has(keyOf(agent, id))) this.#show(service, this.#registered)
    }
  }

  /** The node takes the calls of its task until it closes. */
  serve(node: RedNode, take: (call: ServiceCall) => void): void {
    const key = keyOfNode(node)
    this.#takers.set(key, take)
    node.on("close", (_removed, done) => {
      if (this.#takers.get(key) === take) this.#takers.delete(key)
      done()
    })
  }

  /** The statuses that a call may end in; null where its service is no longer there. */
  statusesOf({ service, task }: CallHandle): readonly string[] | null {
    const found = this.#services.find(({ id, tasks }) => id === service && tasks.has(task))
    return found === undefined ? null : Object.keys(found.manifest.tasks![task]!.statuses)
  }

  answer({ execution }: CallHandle, result: TaskResult): Answer {
    return this.#calls.answer(execution, result)
  }

  /** Reports the event of a node. @throws Error where its service is not registered; RemoteServiceError */
  async emit(node: RedNode, data: unknown): Promise<void> {
    const key = keyOfNode(node)
    for (const { agent, id, events } of this.#services) {
      for (const [event, places] of events) {
        if (!places.some((place) => keyOfPlace(place) === key)) continue
        const running = this.#running.get(keyOf(agent, id))
        if (running === undefined) throw new Error(this.#red._("mesg.error.not-registered", { service: id }))
        return running.handle.emit(event, data)
      }
    }
    throw new Error(this.#red._("mesg.error.no-subject"))
  }

  async #deploy(signal: AbortSignal): Promise<void> {
    this.#refused = false
    const drawn = this.#services.map(({ agent, id }) => ({ agent, name: id }))
    for (const offer of this.#offers.all()) {
      try {
        if (!(await isDrawn(offer, drawn, this.#connectionOf, signal))) await this.#withdraw(offer, signal)
      } catch (error) {
        if (signal.aborted) return
        this.#red.log.warn(`mesg: ${errorText(error)}`)
      }
    }
    const claims = new Claims()
    for (const service of this.#services) {
      if (signal.aborted) return
      await this.#offer(service, claims, signal)
    }
  }

  async #offer(service: FlowService, claims: Claims, signal: AbortSignal): Promise<void> {
    const { agent, id, manifest, faults } = service
    for (const { code, message, remedy, ...place } of faults) this.#refuse(place, code, `${message}: ${remedy}`)
    if (faults.length > 0) return
    const connection = this.#connectionOf(agent)
    if (connection.problem !== null) return this.#show(service, awayStatus(this.#red, connection))
    const timed = timedSignal(signal)
    let offer: Offer | null = null
    try {
      const core = await connection.core(timed)
      if (!claims.take({ core, agent, name: id })) throw this.#taken(id)
      await this.#checkFree(service, core, connection, timed)
      offer = { core, agent, name: id, manifest }
      this.#offers.set(offer)
      await this.#register(service, core, timed)
      this.#show(service, this.#registered)
      this.#red.log.info(`mesg: ${this.#red._("mesg.log.registered", { service: id })}`)
    } catch (error) {
      if (signal.aborted) return
      const code = (error as { code?: unknown }).code
      // The agent never had it: there is nothing to take away later.
      if (offer !== null && code === "REMOTE_REFUSED" && !this.#running.has(keyOf(agent, id)))
        this.#offers.forget(offer)
      const [first] = placesOf(service)
      this.#refuse(first!, typeof code === "string" ? code : "ERROR", errorText(error))
    }
  }

  async #register(service: FlowService, core: string, signal: AbortSignal): Promise<void> {
    const { agent, id, manifest } = service
    const key = keyOf(agent, id)
    const handlers = this.#handlers(service)
    const text = JSON.stringify(manifest)
    const running = this.#running.get(key)
    if (running?.core === core && running.manifest === text) return
    if (running?.core === core) {
      // What the agent refuses is with the handle all the same: whatever comes next is said anew.
      running.manifest = ""
      await running.handle.update(manifest, handlers, signal)
      running.manifest = text
      return
    }
    await this.#endOthers(service, core)
    const log = (level: "warn" | "error", message: string, fields: object) =>
      this.#red.log[level](`mesg: ${id}: ${message} ${JSON.stringify(fields)}`)
    // The agent's token and its port may be others after each of its starts.
    const current = () => this.#connectionOf(agent).client
    const handle = await remoteService(manifest, handlers, {
      mqtt: () => current().broker().mqtt,
      password: () => current().broker().password,
      core,
      log,
      signal,
    })
    this.#running.set(key, { id, core, handle, manifest: text })
  }

  /** What ran under this configuration node at another agent, or under another node at this one. */
  async #endOthers({ agent, id }: FlowService, core: string): Promise<void> {
    for (const [key, running] of this.#running) {
      if (key !== keyOf(agent, id) && (running.core !== core || running.id !== id)) continue
      this.#running.delete(key)
      await running.handle.stop()
    }
  }

  /** A service of this name that was not made here is somebody else's, but for its like that nobody runs. */
  async #checkFree(
    { id, manifest }: FlowService,
    core: string,
    { client }: AgentConnection,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#offers.get(core, id) !== undefined) return
    const there = await client.service(id, signal)
    if (there === null) return
    if (there.state === "offline" && there.version === manifest.version) return
    throw this.#taken(id)
  }

  #taken(service: string): Error {
    return Object.assign(new Error(this.#red._("mesg.error.service-taken", { service })), { code: "NAME" })
  }

  async #withdraw(offer: Offer, signal: AbortSignal): Promise<void> {
    const { core, agent, name, manifest } = offer
    const key = keyOf(agent, name)
    if (isAgentGone(this.#red, agent)) {
      await this.#running.get(key)?.handle.stop()
      this.#running.delete(key)
      return
    }
    const connection = this.#connectionOf(agent)
    // Of an agent that is another one now nothing is known.
    if (connection.problem !== null || (await connection.core(signal)) !== core) return
    if (!this.#running.has(key)) {
      // Of an earlier start: who takes a registration away must be who made it.
      const made = { agent, id: name, manifest, tasks: new Map(), events: new Map(), faults: [] }
      await this.#register(made, core, timedSignal(signal))
    }
    const { handle } = this.#running.get(key)!
    await before(handle.unregister(), timedSignal(signal))
    this.#running.delete(key)
    await handle.stop()
    this.#offers.forget(offer)
    this.#red.log.info(`mesg: ${this.#red._("mesg.log.withdrawn", { service: name })}`)
  }

  #handlers({ agent, id, tasks }: FlowService): RemoteHandlers {
    const take = (task: string) => async (inputs: unknown, ctx: RemoteTaskContext) => {
      const { service, execution, deadlineMs, signal } = ctx
      await before(this.#ready.opened, signal)
      // Where it is drawn now: the same manifest may be drawn elsewhere since.
      const drawn = this.#services.find((one) => one.agent === agent && one.id === id)
      const place = drawn?.tasks.get(task)
      const taker = place && this.#takers.get(keyOfPlace(place))
      if (taker === undefined) throw new Error(this.#red._("mesg.error.no-taker", { task }))
      const ended = this.#calls.open(execution, signal)
      const handle = { service, task, execution, deadline: new Date(deadlineMs).toISOString() }
      taker({ handle, inputs, ended })
      return ended
    }
    const recover = (_inputs: unknown, { execution }: RemoteTaskContext) => this.#calls.recover(execution)
    const names = [...tasks.keys()]
    return {
      tasks: Object.fromEntries(names.map((task) => [task, take(task)])),
      recover: Object.fromEntries(names.map((task) => [task, recover])),
    }
  }

  #refuse(place: Place, code: string, words: string): void {
    this.#refused = true
    const node = this.#live.at(place)
    if (node === undefined) return this.#red.log.error(`mesg: ${code}: ${words}`)
    node.error(`${code}: ${words}`)
    node.status({ fill: "red", shape: "ring", text: code })
  }

  get #registered(): Status {
    return { fill: "green", shape: "ring", text: this.#red._("mesg.status.registered") }
  }

  #show(service: FlowService, status: Status): void {
    for (const place of placesOf(service)) this.#live.at(place)?.status(status)
  }
}

function placesOf({ tasks, events }: FlowService): Place[] {
  return [...tasks.values(), ...[...events.values()].flat()]
}

/** Given up at the next deploy, and after a while. */
function timedSignal(signal: AbortSignal): AbortSignal {
  const timed = new AbortController()
  const end = setTimeout(() => timed.abort(new Error("nobody answered in time")), REQUEST_TIMEOUT_MS)
  end.unref()
  signal.addEventListener("abort", () => timed.abort(signal.reason), { once: true, signal: timed.signal })
  return timed.signal
}

/** What `work` gives, unless the signal aborts before. @throws the reason of the signal */
async function before<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted()
  const over = Promise.withResolvers<never>()
  const abort = () => over.reject(signal.reason)
  signal.addEventListener("abort", abort, { once: true })
  try {
    return await Promise.race([work, over.promise])
  } finally {
    signal.removeEventListener("abort", abort)
  }
}

interface Gate {
  readonly opened: Promise<void>
  readonly isOpen: boolean
  open(): void
}

/** @param before one that is still shut goes on to be waited at */
function pending(before?: Gate): Gate {
  if (before !== undefined && !before.isOpen) return before
  const gate = { opened: Promise.resolve(), isOpen: false, open: () => {} }
  gate.opened = new Promise((resolve) => {
    gate.open = () => {
      gate.isOpen = true
      resolve()
    }
  })
  return gate
}
