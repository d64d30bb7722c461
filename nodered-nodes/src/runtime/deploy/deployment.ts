import type { Catalogue } from "../../flow/catalogue.ts"
import { type CompiledApplication, compileFlow } from "../../flow/compile.ts"
import type { Fault } from "../../flow/fault.ts"
import { generatedTypeOf } from "../../flow/nodes.ts"
import { textOf } from "../../flow/raw.ts"
import { placeRefusals, placeWarnings } from "../../flow/refusals.ts"
import type { Place } from "../../flow/scopes.ts"
import type { AgentConnection } from "../agent/connection.ts"
import type { Connections } from "../agent/connections.ts"
import { AgentError, errorText, isRefusal } from "../api/agent-error.ts"
import type { Execution, Refusal } from "../api/shapes.ts"
import { EXECUTIONS_SHOWN_MAX, PANEL_REFUSALS_MAX, PANEL_RESULTS_MAX } from "../limits.ts"
import { Claims } from "../made-here.ts"
import { agentConnection } from "../nodes/agent.ts"
import type { NodeContext, Role } from "../nodes/context.ts"
import { awayStatus, unknownStatus } from "../nodes/statuses.ts"
import type { Palette } from "../palette/palette.ts"
import { panelOf, type Row } from "../panel/panel.ts"
import type { PanelView, Standing } from "../panel/view.ts"
import type { NodeConfig, Red, RedNode, Status } from "../red.ts"
import type { FlowServices } from "../services/flow-services.ts"
import { BranchBoard } from "./branch-board.ts"
import { InlineNodes } from "./inline-nodes.ts"
import { keyOfNode, keyOfPlace, type LiveNodes } from "./live-nodes.ts"
import { Keeper } from "./keeper.ts"
import { anyOf, wholeOf } from "./places.ts"

interface DeploymentParts extends Pick<NodeContext, "red" | "connections" | "live" | "palette"> {
  readonly catalogue: Catalogue
  readonly services: Pick<FlowServices, "told">
}

/**
 * Makes applications of the flows at each deploy, and shows on their nodes what becomes of them. An application that is
 * refused stays in the agent as it was before; one whose chain is gone is removed.
 */
export class Deployment {
  readonly inline: InlineNodes
  readonly #red: Red
  readonly #live: LiveNodes
  readonly #connections: Connections
  readonly #palette: Palette
  readonly #catalogue: Catalogue
  readonly #services: Pick<FlowServices, "told">
  readonly #keeper: Keeper
  readonly #changed: () => void
  // They go on until the next start: nodes that a deploy leaves alone do so too.
  #roles = new Map<string, Role>()
  /** What is wrong with a node, as it shows it. */
  readonly #faults = new Map<string, Status>()
  /** What nodes have said since their start, so that a retry does not say it again. */
  readonly #said = new Set<string>()
  readonly #compiled = new Set<() => void>()
  #flows: readonly NodeConfig[] = []
  #rows: readonly Row[] = []
  /** Between stop and start nothing is wanted, and nothing may be removed for it. */
  #runs = false
  #willRetry = false
  #followed: (() => void)[] = []
  /** Ends what is under way when the next deploy comes. */
  #life = new AbortController()
  #turn: Promise<void> = Promise.resolve()

  /** @param changed told of every change of what the panel shows */
  constructor({ red, connections, live, palette, catalogue, services }: DeploymentParts, changed: () => void) {
    this.inline = new InlineNodes(red)
    this.#red = red
    this.#connections = connections
    this.#live = live
    this.#palette = palette
    this.#catalogue = catalogue
    this.#services = services
    this.#keeper = new Keeper(red, (agent) => this.#connectionOf(agent))
    this.#changed = changed
  }

  /** Every application of these flows, and how it stands. */
  view(): PanelView {
    return panelOf(this.#rows, (agent) => {
      const { client, problem } = this.#connectionOf(agent)
      return { name: this.#red.nodes.getNode(agent)?.name ?? "", url: client.address, problem }
    })
  }

  roleOf(node: RedNode): Role {
    return this.#roles.get(keyOfNode(node)) ?? null
  }

  /** @param listener told when it is known what each node is part of @returns ends that */
  onCompiled(listener: () => void): () => void {
    this.#compiled.add(listener)
    return () => this.#compiled.delete(listener)
  }

  /** What a node shows of what is wrong with it, while nothing graver is to be said; null where nothing is. */
  faultOf(node: RedNode): Status | null {
    return this.#faults.get(keyOfNode(node)) ?? null
  }

  /** The flows run: what each node is part of is known when this returns, the agent is told behind it. */
  started(flows: readonly NodeConfig[]): void {
    this.#said.clear()
    this.#start(flows)
  }

  #start(flows: readonly NodeConfig[]): void {
    this.stopping()
    this.#runs = true
    this.#flows = flows
    const compiled = compileFlow(flows, this.#catalogue)
    this.#roles = new Map()
    this.#faults.clear()
    this.inline.replace(compiled.inline)
    for (const [key, { fault }] of this.inline.all()) this.#roles.set(key, fault === null ? "inline" : "refused")
    for (const { fault } of this.inline.all().values()) if (fault !== null) this.#showFault(fault)
    for (const application of compiled.applications) this.#setRole(application, "compiled")
    const rows = compiled.applications.map(
      (application): Row => ({
        application,
        node: anyOf(application).node,
        standing: "deploying",
        version: this.#keeper.versionOf(application),
        board: null,
        refusals: [],
      }),
    )
    this.#rows = rows
    for (const listener of this.#compiled) listener()
    this.#changed()
    const { told } = this.#services
    this.#queue(async (signal) => {
      // These flows may use services that they make themselves.
      await told
      await this.#deploy(rows, signal)
    })
  }

  /** One after another, whatever becomes of the one before. */
  #queue(work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#life
    this.#turn = this.#turn
      .then(() => work(signal))
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
    this.#rows = []
    this.#runs = false
  }

  /** Something that kept an application out of the agent, or in it, may be over. What is under way is ended first. */
  retry(): void {
    if (!this.#runs || this.#willRetry) return
    this.#willRetry = true
    this.#queue(async (signal) => {
      this.#willRetry = false
      if (!this.#runs) return
      const isWanting = this.#rows.some(({ standing }) => standing !== "deployed")
      if (isWanting) this.#start(this.#flows)
      else await this.#keepOnly(this.#rows, signal)
    })
  }

  #setRole({ places }: CompiledApplication, role: Role): void {
    for (const place of places.values()) this.#roles.set(keyOfPlace(place), role)
  }

  async #deploy(rows: readonly Row[], signal: AbortSignal): Promise<void> {
    const claims = new Claims()
    for (const row of rows) {
      if (signal.aborted) return
      row.standing = await this.#deployOne(row, claims, signal)
      if (row.standing === "refused") await this.#followBefore(row, signal)
      this.#changed()
    }
    await this.#keepOnly(rows, signal)
  }

  async #keepOnly(rows: readonly Row[], signal: AbortSignal): Promise<void> {
    await this.#keeper.keepOnly(
      rows.map(({ application }) => application),
      signal,
    )
  }

  async #deployOne(row: Row, claims: Claims, signal: AbortSignal): Promise<Standing> {
    const { application } = row
    // The agent says what else is wrong, so that all of it is said at once.
    if (application.faults.length > 0) return this.#refuse(row, await this.#refusals(application, signal))
    const connection = this.#connectionOf(application.agent)
    if (connection.problem !== null) return this.#unreachable(application, connection, connection.problem)
    try {
      const version = await this.#put(application, connection, claims, signal)
      await this.#follow(row, connection, version, this.#live, signal)
      return "deployed"
    } catch (error) {
      if (signal.aborted) return "unreachable"
      const refusals = error instanceof AgentError ? error.problem["refusals"] : undefined
      if (Array.isArray(refusals)) return this.#refuse(row, refusals as Refusal[])
      if (isRefusal(error)) {
        return this.#fail(row, [{ ...wholeOf(application), code: error.code, message: error.advice, remedy: "" }])
      }
      return this.#unreachable(application, connection, errorText(error))
    }
  }

  /** @returns its version in the agent */
  async #put(
    application: CompiledApplication,
    connection: AgentConnection,
    claims: Claims,
    signal: AbortSignal,
  ): Promise<number> {
    const { version, warnings } = await this.#keeper.put(application, connection, claims, signal)
    // It outlives the deploy that it is of: whoever comes next has these nodes.
    signal.throwIfAborted()
    for (const { message, ...place } of placeWarnings(application, warnings ?? [])) this.#live.at(place)?.warn(message)
    return version
  }

  /** Where this version is refused, the one before goes on: that is in the panel, and on no node. */
  async #followBefore(row: Row, signal: AbortSignal): Promise<void> {
    const connection = this.#connectionOf(row.application.agent)
    if (row.version === null || connection.problem !== null) return
    try {
      await this.#follow(row, connection, row.version, null, signal)
    } catch (error) {
      if (!signal.aborted) this.#red.log.warn(`mesg: ${errorText(error)}`)
    }
  }

  async #follow(
    row: Row,
    connection: AgentConnection,
    version: number,
    live: LiveNodes | null,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted()
    const { application } = row
    const board = new BranchBoard(this.#red, live, application, version)
    row.board = board
    row.version = version
    const list = async (statuses: readonly string[], limit: number) => {
      const lists = statuses.map((status) =>
        connection.client.executions({ app: application.name, status, limit }, signal),
      )
      return (await Promise.all(lists)).flat()
    }
    const read = async () => {
      const [open, ended] = await Promise.all([
        list(["running", "waiting"], EXECUTIONS_SHOWN_MAX),
        list(["completed", "failed", "cancelled"], PANEL_RESULTS_MAX),
      ])
      board.restart(open, ended)
      this.#changed()
    }
    const failed = (error: unknown) => {
      if (!signal.aborted) this.#red.log.warn(`mesg: ${errorText(error)}`)
    }
    this.#followed.push(
      connection.on("execution", (execution: Execution) => {
        if (execution.app !== application.name) return
        board.changed(execution)
        this.#changed()
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

  async #refusals({ agent, document }: CompiledApplication, signal: AbortSignal): Promise<readonly Refusal[]> {
    const connection = this.#connectionOf(agent)
    if (connection.problem !== null) return []
    try {
      const verdict = await connection.client.validate(document, signal)
      return verdict.refusals
    } catch (error) {
      // What is drawn wrong is wrong without it.
      if (!signal.aborted) this.#red.log.warn(`mesg: ${errorText(error)}`)
      return []
    }
  }

  #refuse(row: Row, refusals: readonly Refusal[]): Standing {
    return this.#fail(row, placeRefusals(row.application, refusals as never))
  }

  #fail(row: Row, faults: readonly Shown[]): Standing {
    const { application } = row
    row.refusals = faults.slice(0, PANEL_REFUSALS_MAX).map(({ code, message, remedy, node }) => ({
      code,
      message: wordsOf(message, remedy),
      node,
    }))
    this.#setRole(application, "refused")
    this.#showAll(application, { fill: "grey", shape: "ring", text: this.#red._("mesg.status.refused") })
    // What is wrong with a node itself comes before what it says for a place that shows nothing.
    const [own, others] = [
      faults.filter((fault) => this.#live.at(fault)),
      faults.filter((fault) => !this.#live.at(fault)),
    ]
    for (const fault of [...own, ...others]) this.#showFault(fault, anyOf(application))
    return "refused"
  }

  /** All of it is said, the first of it stays on the node. @param otherwise where, when its place shows nothing */
  #showFault({ code, message, remedy, ...place }: Shown, otherwise: Place = place): void {
    const node = this.#live.at(place) ?? this.#live.at(otherwise)
    const words = wordsOf(message, remedy)
    const text = `${code}: ${words}`
    const said = JSON.stringify([place, text])
    if (!this.#said.has(said)) {
      this.#said.add(said)
      if (node === undefined) this.#red.log.error(`mesg: ${text}`)
      else node.error(text)
    }
    if (node === undefined) return
    if (this.faultOf(node) !== null) return
    const isUnknown = code === "UNKNOWN_SERVICE" && this.#isUnknown(place)
    const status: Status = isUnknown ? unknownStatus(this.#red) : { fill: "red", shape: "ring", text: code }
    this.#faults.set(keyOfNode(node), status)
    node.status(status)
  }

  /** It goes into the agent as soon as the service of the node is there. */
  #isUnknown({ node }: Place): boolean {
    const config = this.#flows.find(({ id }) => id === node)
    const type = config === undefined ? null : generatedTypeOf(config)
    return type !== null && this.#palette.lacks(this.#connectionOf(textOf(config!, "agent")), type)
  }

  #unreachable(application: CompiledApplication, connection: AgentConnection, problem: string): Standing {
    this.#red.log.warn(`mesg: ${application.name}: ${problem}`)
    const notDeployed: Status = { fill: "yellow", shape: "ring", text: this.#red._("mesg.status.not-deployed") }
    this.#showAll(application, connection.isTokenRefused ? awayStatus(this.#red, connection) : notDeployed)
    return "unreachable"
  }

  #showAll({ places }: CompiledApplication, status: Status): void {
    const nodes = new Set([...places.values()].map((place) => this.#live.at(place)))
    for (const node of nodes) node?.status(status)
  }

  #connectionOf(agent: string): AgentConnection {
    return agentConnection(this.#red, this.#connections, agent)
  }
}

/** A fault, or what the agent says by a code of its own. */
type Shown = Omit<Fault, "code"> & { readonly code: string }

function wordsOf(message: string, remedy: string): string {
  return remedy === "" ? message : `${message}: ${remedy}`
}
