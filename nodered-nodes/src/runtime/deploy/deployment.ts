import { createHash } from "node:crypto"
import { type CompiledApplication, type CompiledFlow, compileFlow } from "../../flow/compile.ts"
import type { Fault } from "../../flow/fault.ts"
import { placeRefusals, placeWarnings } from "../../flow/refusals.ts"
import type { Place } from "../../flow/scopes.ts"
import type { AgentConnection } from "../agent/connection.ts"
import type { Connections } from "../agent/connections.ts"
import { AgentError, errorText } from "../api/agent-error.ts"
import type { Execution, Refusal } from "../api/shapes.ts"
import { EXECUTIONS_SHOWN_MAX } from "../limits.ts"
import type { AgentNode } from "../nodes/agent.ts"
import type { Role } from "../nodes/context.ts"
import type { Palette } from "../palette/palette.ts"
import type { NodeConfig, Red, RedNode, Status } from "../red.ts"
import { BranchBoard } from "./branch-board.ts"
import { keyOfNode, keyOfPlace, LiveNodes } from "./live-nodes.ts"
import { Memory } from "./memory.ts"

/** How an application stands: in the agent, or why not. */
type Standing = "deployed" | "refused" | "unreachable"

/**
 * Makes applications of the flows at each deploy, and shows on their nodes what becomes of them. An application that is
 * refused stays in the agent as it was before; one whose chain is gone is removed.
 */
export class Deployment {
  readonly live = new LiveNodes()
  readonly #red: Red
  readonly #connections: Connections
  readonly #palette: Palette
  readonly #memory: Memory
  #roles = new Map<string, Role>()
  #flows: readonly NodeConfig[] = []
  #standing = new Map<CompiledApplication, Standing>()
  #followed: (() => void)[] = []
  /** Ends what is under way when the next deploy comes. */
  #life = new AbortController()
  #turn: Promise<void> = Promise.resolve()

  constructor(red: Red, connections: Connections, palette: Palette) {
    this.#red = red
    this.#connections = connections
    this.#palette = palette
    this.#memory = new Memory(red)
  }

  roleOf(node: RedNode): Role {
    return this.#roles.get(keyOfNode(node)) ?? null
  }

  /** The flows run: what each node is part of is known when this returns, the agent is told behind it. */
  started(flows: readonly NodeConfig[]): void {
    this.stopping()
    this.#flows = flows
    const compiled = compileFlow(flows, {
      manifest: (id) => this.#palette.manifest(id),
      application: () => undefined,
    })
    for (const { nodes } of compiled.inline) for (const place of nodes) this.#roles.set(keyOfPlace(place), "inline")
    for (const application of compiled.applications) this.#setRole(application, "compiled")
    const { signal } = this.#life
    this.#turn = this.#turn
      .then(() => this.#deploy(compiled, signal))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#red.log.error(`mesg: ${errorText(error)}`)
      })
  }

  /** Nothing runs until the next start. */
  stopping(): void {
    this.#life.abort(new Error("the flows are deployed again"))
    this.#life = new AbortController()
    for (const end of this.#followed) end()
    this.#followed = []
    this.#roles = new Map()
    this.#standing = new Map()
  }

  /** Something that kept an application out of the agent may be over. */
  retry(): void {
    if ([...this.#standing.values()].some((standing) => standing !== "deployed")) this.started(this.#flows)
  }

  #setRole({ places }: CompiledApplication, role: Role): void {
    for (const place of places.values()) this.#roles.set(keyOfPlace(place), role)
  }

  async #deploy({ applications }: CompiledFlow, signal: AbortSignal): Promise<void> {
    for (const application of applications) {
      if (signal.aborted) return
      this.#standing.set(application, await this.#deployOne(application, signal))
    }
    const wanted = new Set(applications.map(({ agent, name }) => JSON.stringify([agent, name])))
    for (const { agent, name } of this.#memory.all()) {
      if (!wanted.has(JSON.stringify([agent, name]))) await this.#remove(agent, name, signal)
    }
  }

  async #deployOne(application: CompiledApplication, signal: AbortSignal): Promise<Standing> {
    if (application.faults.length > 0) {
      // The agent says what else is wrong, so that all of it is said at once.
      return this.#refuse(application, await this.#refusals(application, signal))
    }
    const connection = this.#connectionOf(application.agent)
    if (connection.problem !== null) return this.#unreachable(application, connection.problem)
    try {
      const version = await this.#put(application, connection, signal)
      await this.#follow(application, connection, version, signal)
      return "deployed"
    } catch (error) {
      if (signal.aborted) return "unreachable"
      const refusals = error instanceof AgentError ? error.problem["refusals"] : undefined
      if (Array.isArray(refusals)) return this.#refuse(application, refusals as Refusal[])
      if (error instanceof AgentError && error.status >= 400 && error.status < 500) {
        return this.#fail(application, [
          { ...wholeOf(application), code: error.code, message: error.advice, remedy: "" },
        ])
      }
      return this.#unreachable(application, errorText(error))
    }
  }

  /** @returns its version in the agent */
  async #put(application: CompiledApplication, { client }: AgentConnection, signal: AbortSignal): Promise<number> {
    const { agent, name, document } = application
    const config = this.#valuesOf(application)
    const hash = createHash("sha256")
      .update(JSON.stringify([document, config]))
      .digest("hex")
    const made = this.#memory.get(agent, name)
    const there = await client.application(name, signal)
    if (there !== null && made === undefined) {
      const message = `an application "${name}" is there already that was not made here`
      const remedy = `rename the tab or its settings, or remove it: mesg app remove ${name}`
      throw new AgentError("NAME", message, { status: 409, problem: { remedy } })
    }
    if (there !== null && made?.hash === hash && made.version === there.version) return there.version
    const key = `node-red:${hash.slice(0, 32)}:${there?.version ?? 0}:${Date.now()}`
    const deployed = await client.deploy(name, document, config, key, signal)
    this.#memory.set(agent, name, { hash, version: deployed.version })
    for (const { message, ...place } of placeWarnings(application, deployed.warnings ?? [])) {
      this.live.at(place)?.warn(message)
    }
    return deployed.version
  }

  /** Values for its settings are credentials of its `mesg-settings` node. */
  #valuesOf({ settings }: CompiledApplication): object {
    const values = this.#red.nodes.getNode(settings)?.credentials?.["values"]?.trim() ?? ""
    return values === "" ? {} : (JSON.parse(values) as object)
  }

  async #follow(
    application: CompiledApplication,
    connection: AgentConnection,
    version: number,
    signal: AbortSignal,
  ): Promise<void> {
    const board = new BranchBoard(this.#red, this.live, application, version)
    const read = async () => {
      const lists = ["running", "waiting"].map((status) =>
        connection.client.executions({ app: application.name, status, limit: EXECUTIONS_SHOWN_MAX }, signal),
      )
      board.restart((await Promise.all(lists)).flat())
    }
    const failed = (error: unknown) => {
      if (!signal.aborted) this.#red.log.warn(`mesg: ${errorText(error)}`)
    }
    this.#followed.push(
      connection.on("execution", (execution: Execution) => {
        if (execution.app === application.name) board.changed(execution)
      }),
      connection.on("reset", () => {
        read().catch(failed)
      }),
      // While nobody answered, the nodes said that.
      connection.on("state", (problem) => {
        if (problem === null) board.show()
      }),
    )
    await read()
  }

  async #remove(agent: string, name: string, signal: AbortSignal): Promise<void> {
    const connection = this.#connectionOf(agent)
    if (connection.problem !== null) return
    await connection.client.remove(name, `node-red:remove:${name}:${Date.now()}`, signal)
    this.#memory.forget(agent, name)
    this.#red.log.info(`mesg: ${this.#red._("mesg.log.removed", { name })}`)
  }

  async #refusals({ agent, document }: CompiledApplication, signal: AbortSignal): Promise<readonly Refusal[]> {
    const connection = this.#connectionOf(agent)
    if (connection.problem !== null) return []
    const verdict = await connection.client.validate(document, signal)
    return verdict.refusals
  }

  #refuse(application: CompiledApplication, refusals: readonly Refusal[]): Standing {
    return this.#fail(application, placeRefusals(application, refusals as never))
  }

  #fail(
    application: CompiledApplication,
    faults: readonly (Omit<Fault, "code"> & { readonly code: string })[],
  ): Standing {
    this.#setRole(application, "refused")
    this.#showAll(application, { fill: "grey", shape: "ring", text: this.#red._("mesg.status.refused") })
    for (const { code, message, remedy, ...place } of faults) {
      const node = this.live.at(place) ?? this.live.at(anyOf(application))
      const words = remedy === "" ? message : `${message}: ${remedy}`
      if (node === undefined) this.#red.log.error(`mesg: ${application.name}: ${code}: ${words}`)
      else {
        node.error(`${code}: ${words}`)
        node.status({ fill: "red", shape: "ring", text: code })
      }
    }
    return "refused"
  }

  #unreachable(application: CompiledApplication, problem: string): Standing {
    this.#red.log.warn(`mesg: ${application.name}: ${problem}`)
    this.#showAll(application, { fill: "yellow", shape: "ring", text: this.#red._("mesg.status.not-deployed") })
    return "unreachable"
  }

  #showAll({ places }: CompiledApplication, status: Status): void {
    const nodes = new Set([...places.values()].map((place) => this.live.at(place)))
    for (const node of nodes) node?.status(status)
  }

  #connectionOf(agent: string): AgentConnection {
    const node = this.#red.nodes.getNode(agent) as AgentNode | null
    return node?.connection ?? this.#connections.local
  }
}

function wholeOf(application: CompiledApplication): Place {
  return application.places.get("") ?? anyOf(application)
}

/** A node of the application that runs: settings are no node that can show anything. */
function anyOf({ places }: CompiledApplication): Place {
  const trigger = [...places].find(([pointer]) => pointer.endsWith("/trigger"))
  return trigger?.[1] ?? { node: "", instances: [] }
}
