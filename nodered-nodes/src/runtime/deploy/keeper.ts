import { createHash } from "node:crypto"
import type { CompiledApplication } from "../../flow/compile.ts"
import type { AgentConnection } from "../agent/connection.ts"
import { AgentError, errorText, isRefusal } from "../api/agent-error.ts"
import type { Application } from "../api/shapes.ts"
import { RETRY_FOR_MS } from "../limits.ts"
import { type Claims, isDrawn, MadeHere, type Owner } from "../made-here.ts"
import { isAgentGone } from "../nodes/agent.ts"
import type { Red } from "../red.ts"
import { isSame } from "./same.ts"
import { settingsValues } from "./settings-values.ts"

/** What this Node-RED made of one application. */
interface Made extends Owner {
  /** Of the document and its settings, as they were deployed. */
  readonly hash: string
  /** Null: it was about to be deployed for the first time, and nobody knows whether it was. */
  readonly version: number | null
}

/** Puts the applications of flows into their agents, and takes away those that are drawn no more. */
export class Keeper {
  readonly #red: Red
  readonly #connectionOf: (agent: string) => AgentConnection
  readonly #made: MadeHere<Made>

  /** @param connectionOf by the id of a configuration node */
  constructor(red: Red, connectionOf: (agent: string) => AgentConnection) {
    this.#red = red
    this.#connectionOf = connectionOf
    this.#made = new MadeHere(red, "mesg-applications.json")
  }

  /** @returns the one that these flows put there last; null where there is none */
  versionOf({ agent, name }: CompiledApplication): number | null {
    return this.#made.all().find((made) => made.agent === agent && made.name === name)?.version ?? null
  }

  /** @returns as it is in the agent now, with what the agent warns of where it is new @throws AgentError */
  async put(
    application: CompiledApplication,
    connection: AgentConnection,
    claims: Claims,
    signal: AbortSignal,
  ): Promise<Application> {
    const { agent, name, document } = application
    const { client } = connection
    const config = settingsValues(this.#red.nodes.getNode(application.settings)?.credentials)
    const hash = createHash("sha256")
      .update(JSON.stringify([document, config]))
      .digest("hex")
    const core = await connection.core(signal)
    if (!claims.take({ core, agent, name })) {
      const message = `another flow is already the application "${name}" of this agent, under another agent node`
      throw new AgentError("NAME", message, { status: 409, problem: { remedy: "rename the tab or its settings" } })
    }
    const made = this.#made.get(core, name)
    const there = await client.application(name, signal)
    // What is drawn here to the letter is taken over: flows came back without what was remembered of them.
    if (there !== null && made === undefined && !isSame(there.document, document)) {
      const message = `an application "${name}" is there already that was not made here`
      const remedy = `rename the tab or its settings, or remove it: mesg app remove ${name}`
      throw new AgentError("NAME", message, { status: 409, problem: { remedy } })
    }
    if (there !== null && made?.hash === hash && made.version === there.version) {
      if (made.agent !== agent) this.#made.set({ ...made, agent })
      return { name, version: there.version }
    }
    // Before it is deployed: what is in the agent after a crash is then known as made here.
    if (made === undefined) this.#made.set({ core, agent, name, hash, version: null })
    const key = `node-red:${hash.slice(0, 32)}:${there?.version ?? 0}:${Date.now()}`
    let deployed: Application
    try {
      // Ended by its time only: whether the agent did it is to be known at the next deploy.
      deployed = await client.deploy(name, document, config, key, AbortSignal.timeout(RETRY_FOR_MS))
    } catch (error) {
      // The agent never had it: a later one of this name is somebody else's.
      if (there === null && isRefusal(error)) this.#made.forget({ core, agent, name })
      throw error
    }
    this.#made.set({ core, agent, name, hash, version: deployed.version })
    return deployed
  }

  /** Takes away what was made here and is drawn no more, where its agent answers. */
  async keepOnly(drawn: readonly CompiledApplication[], signal: AbortSignal): Promise<void> {
    for (const made of this.#made.all()) {
      if (signal.aborted) return
      try {
        if (await isDrawn(made, drawn, this.#connectionOf, signal)) continue
        await this.#remove(made, signal)
      } catch (error) {
        if (signal.aborted) return
        this.#red.log.warn(`mesg: ${made.name}: ${errorText(error)}`)
      }
    }
  }

  async #remove(made: Made, signal: AbortSignal): Promise<void> {
    const { core, agent, name } = made
    if (isAgentGone(this.#red, agent)) return
    const connection = this.#connectionOf(agent)
    // Of an agent that is another one now nothing is known.
    if (connection.problem !== null || (await connection.core(signal)) !== core) return
    await connection.client.remove(name, `node-red:remove:${name}:${Date.now()}`, signal)
    this.#made.forget(made)
    this.#red.log.info(`mesg: ${this.#red._("mesg.log.removed", { name })}`)
  }
}
