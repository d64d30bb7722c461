import type { ApplicationInput } from "../../../agent/schema/application.ts"
import { calledFirst } from "./call-order.ts"
import type { Catalogue } from "./catalogue.ts"
import { type InlineReason, type ReadChain, readChain } from "./chain.ts"
import { propertyOf } from "./chain-tasks.ts"
import type { Fault } from "./fault.ts"
import { type InlineNode, inlineNodes } from "./inline.ts"
import { keyFrom, pointerToken, UniqueNames } from "./names.ts"
import { NODE_TYPES } from "./nodes.ts"
import { idOf, isMap, type Raw, textOf, typeOf } from "./raw.ts"
import type { Place, Shelf } from "./scopes.ts"
import { type Chain, type Wiring, wiringOf } from "./wiring.ts"

/** One application of a flow. It may be deployed when `faults` is empty and the agent refuses nothing. */
export interface CompiledApplication {
  readonly name: string
  /** Id of the `mesg-agent` node that it is for; empty where none was chosen. */
  readonly agent: string
  /** Id of its `mesg-settings` node, or empty. */
  readonly settings: string
  /** As far as the drawing can be said; the agent judges it. */
  readonly document: ApplicationInput
  /** Where in the editor each part of the document is drawn, by JSON pointer. See placeOf. */
  readonly places: ReadonlyMap<string, Place>
  readonly faults: readonly Fault[]
}

/** Wired nodes that run inside Node-RED. */
export interface InlineChain {
  /** Those of ours. */
  readonly nodes: readonly InlineNode[]
  /** What only a running message can say, and nodes that are not ours; empty where no event begins the chain. */
  readonly reasons: readonly InlineReason[]
}

export interface CompiledFlow {
  /** Each behind those that it calls. */
  readonly applications: readonly CompiledApplication[]
  readonly inline: readonly InlineChain[]
}

/**
 * Compiles every chain of a flow that holds nothing but our nodes and begins with an event.
 * @param flows all of `flows.json`, as `flows:started` hands it over; of any shape
 * @see docs/spec/node-red.md#compiled
 */
export function compileFlow(flows: unknown, catalogue: Catalogue): CompiledFlow {
  const wiring = wiringOf(flows)
  const inline: InlineChain[] = []
  const groups = new Map<string, ReadChain[]>()
  for (const chain of wiring.chains) {
    const read = chain.pure ? readChain(chain, wiring, catalogue) : null
    const reasons = read?.inline ?? foreignReasons(chain, wiring)
    if (read === null || reasons.length > 0) {
      inline.push({ nodes: inlineNodes(chain.nodes, wiring, catalogue), reasons })
      continue
    }
    const key = JSON.stringify([
      agentOf(read, wiring.shelf),
      settingsOf(read, wiring.shelf) || idOf(read.event.scope.tab),
    ])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [read])
    else group.push(read)
  }
  const taken = new Set<string>()
  const applications = [...groups.values()].map((chains) => {
    // The outputs of an application are those of its first workflow.
    const answering = chains.filter(({ outputs }) => outputs.length > 0)
    return applicationOf([...new Set([...answering, ...chains])], wiring.shelf, taken)
  })
  return { applications: calledFirst(applications), inline }
}

function foreignReasons(chain: Chain, wiring: Wiring): InlineReason[] {
  return chain.foreign.map((index) => {
    const node = wiring.nodes[index]!
    return { ...node.place, what: `the node ${textOf(node.raw, "name") || typeOf(node.raw)}` }
  })
}

function agentOf({ event }: ReadChain, shelf: Shelf): string {
  return propertyOf(event, "agent", shelf)
}

function settingsOf({ event }: ReadChain, shelf: Shelf): string {
  return propertyOf(event, "settings", shelf)
}

/** @param taken names of applications that stand before, with their agents; gains this one's */
function applicationOf(chains: readonly ReadChain[], shelf: Shelf, taken: Set<string>): CompiledApplication {
  const [first] = chains
  const { event } = first!
  const agent = agentOf(first!, shelf)
  const settings = settingsOf(first!, shelf)
  const faults: Fault[] = chains.flatMap((chain) => [...chain.faults, ...strayAgents(chain, agent, shelf)])
  const stored = settingsNode(settings, shelf)
  if (settings !== "" && stored === null) {
    for (const { event: each } of chains) {
      faults.push({
        ...each.place,
        code: "SETTINGS_GONE",
        message: "the settings of this application are gone",
        remedy: "open the node and choose other settings, or none",
      })
    }
  }
  const whole = stored === null ? event.place : { node: settings, instances: [] }
  const label = (stored && textOf(stored, "name")) || textOf(event.scope.tab, "label")
  const name = keyFrom(label) || keyFrom(`flow-${idOf(event.scope.tab)}`)
  const mark = JSON.stringify([agent, name])
  if (taken.has(mark)) {
    const message = `another flow is already the application "${name}"`
    faults.push({ ...whole, code: "NAME", message, remedy: "rename the tab, or name the application in its settings" })
  }
  taken.add(mark)
  const places = new Map<string, Place>([["", whole]])
  const head = stored === null ? {} : headOf(stored, whole, faults)
  const workflows: ApplicationInput["workflows"] = {}
  const keys = new UniqueNames("-")
  for (const chain of chains) {
    const key = keys.take(chain.name)
    workflows[key] = chain.workflow
    for (const [pointer, place] of chain.places) places.set(`/workflows/${pointerToken(key)}${pointer}`, place)
  }
  const outputs = outputsOf(chains, places, faults)
  const document = { name, ...head, workflows, ...(outputs === null ? {} : { outputs }) }
  return { name, agent, settings: stored === null ? "" : settings, document, places, faults }
}

/** One chain is one workflow of one agent. */
function strayAgents({ nodes }: ReadChain, agent: string, shelf: Shelf): Fault[] {
  return nodes
    .filter((node) => !["", agent].includes(propertyOf(node, "agent", shelf)))
    .map(({ place }) => ({
      ...place,
      code: "AGENTS",
      message: "this node is for another agent than the event that its chain begins with",
      remedy: "choose the same agent in every node of the chain",
    }))
}

function settingsNode(id: string, shelf: Shelf): Raw | null {
  const raw = shelf.byId.get(id)
  return raw !== undefined && typeOf(raw) === NODE_TYPES.settings ? raw : null
}

function headOf(settings: Raw, place: Place, faults: Fault[]): Partial<ApplicationInput> {
  const description = textOf(settings, "description")
  const visibility = textOf(settings, "visibility")
  const text = textOf(settings, "config").trim()
  let config: unknown = {}
  try {
    if (text !== "") config = JSON.parse(text)
  } catch (error) {
    const message = `the settings are no JSON: ${(error as Error).message}`
    faults.push({ ...place, code: "INPUT", message, remedy: "correct the JSON" })
  }
  const isEmpty = isMap(config) && Object.keys(config).length === 0
  return {
    ...(description === "" ? {} : { description }),
    ...(visibility === "" || visibility === "private" ? {} : { visibility: visibility as "public" }),
    ...(isEmpty ? {} : { config: config as NonNullable<ApplicationInput["config"]> }),
  }
}

function outputsOf(
  chains: readonly ReadChain[],
  places: Map<string, Place>,
  faults: Fault[],
): NonNullable<ApplicationInput["outputs"]> | null {
  const outputs = new Map<string, NonNullable<ApplicationInput["outputs"]>[string]>()
  for (const { node } of chains.slice(1).flatMap((chain) => chain.outputs)) {
    const message = "the results of an application stand in one workflow, and another one has some"
    const remedy = "keep the result nodes of one workflow, or make the other an application of its own"
    faults.push({ ...node.place, code: "OUTPUT_STATUS", message, remedy })
  }
  for (const { status, output, node, source } of chains[0]!.outputs) {
    if (outputs.has(status)) {
      const message = `another result node already ends in "${status}"`
      faults.push({ ...node.place, code: "DUPLICATE", message, remedy: "give each result node a status of its own" })
      continue
    }
    outputs.set(status, output)
    const at = `/outputs/${pointerToken(status)}`
    places.set(at, node.place)
    if (source !== null) places.set(`${at}/from`, source.place)
  }
  return outputs.size === 0 ? null : Object.fromEntries(outputs)
}
