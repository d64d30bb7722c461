import { frameWires, homeOf, idOf, isDisabled, listOf, type Raw, typeOf } from "./raw.ts"

/** Where a node is to be found in the editor. */
export interface Place {
  /** Its id; inside of a subflow the id in the subflow's template. */
  readonly node: string
  /** Ids of the subflow instances around it, the outermost first; empty on a tab. */
  readonly instances: readonly string[]
}

/** One use of a tab or of a subflow: a template that is used twice is two scopes. */
export interface Scope {
  /** Id of the tab or of the template: the `z` of its nodes. */
  readonly home: string
  readonly tab: Raw
  readonly instances: readonly string[]
  /** Of a subflow: its template, the instance, and the scope that the instance stands in. */
  readonly use: { readonly template: Raw; readonly instance: Raw; readonly outer: Scope } | null
  /** The scopes of the subflow instances that stand here, by the id of the instance. */
  readonly inner: ReadonlyMap<string, Scope>
  /** Of a subflow: which outputs of the template a port inside feeds, by `<id>/<port>`. */
  readonly outputs: ReadonlyMap<string, readonly number[]>
}

/** A node as often as it is there once subflows are unfolded. */
export interface ScopedNode {
  readonly raw: Raw
  readonly scope: Scope
}

/** The entries of a `flows.json`, by what they are. */
export interface Shelf {
  readonly byId: ReadonlyMap<string, Raw>
  readonly globals: readonly Raw[]
  /** Every enabled node that stands on an enabled tab, itself or in a subflow, in the order of the file. */
  readonly nodes: readonly ScopedNode[]
  /** Scopes of the enabled tabs by id. */
  readonly tabs: ReadonlyMap<string, Scope>
}

/** Nodes that one flow may unfold to, as subflows in subflows double without end. What is beyond stays folded. */
export const UNFOLDED_NODES_MAX = 20_000

const SUBFLOW = "subflow:"

/** Unfolds the subflows of every enabled tab. Disabled tabs and nodes are left out, as Node-RED leaves them out. */
export function unfold(entries: readonly Raw[]): Shelf {
  const byId = new Map(entries.map((raw) => [idOf(raw), raw]))
  const byHome = new Map<string, Raw[]>()
  for (const raw of entries) {
    const home = homeOf(raw)
    if (home === "" || isDisabled(raw)) continue
    const shelf = byHome.get(home)
    if (shelf === undefined) byHome.set(home, [raw])
    else shelf.push(raw)
  }
  const nodes: ScopedNode[] = []
  let left = UNFOLDED_NODES_MAX
  const open = (home: string, tab: Raw, instances: readonly string[], use: Scope["use"], above: Set<string>): Scope => {
    const inner = new Map<string, Scope>()
    const scope = { home, tab, instances, use, inner, outputs: outputsOf(use?.template) }
    const here = byHome.get(home) ?? []
    left -= here.length
    for (const raw of here) {
      const template = templateOf(byId, raw)
      const size = template === null ? 0 : (byHome.get(idOf(template))?.length ?? 0)
      // A subflow in itself is an error that Node-RED reports; here it stays folded, and so is no node of ours.
      if (template === null || above.has(idOf(template)) || size > left) nodes.push({ raw, scope })
      else {
        const path = [...instances, idOf(raw)]
        const within = new Set([...above, idOf(template)])
        inner.set(idOf(raw), open(idOf(template), tab, path, { template, instance: raw, outer: scope }, within))
      }
    }
    return scope
  }
  const tabs = new Map<string, Scope>()
  for (const raw of entries) {
    if (typeOf(raw) !== "tab" || raw["disabled"] === true || tabs.has(idOf(raw))) continue
    tabs.set(idOf(raw), open(idOf(raw), raw, [], null, new Set()))
  }
  return { byId, globals: entries.filter((raw) => typeOf(raw) === "global-config"), nodes, tabs }
}

/** @returns the template of a subflow instance; null for any other node, and where the template is gone */
function templateOf(byId: ReadonlyMap<string, Raw>, raw: Raw): Raw | null {
  if (!typeOf(raw).startsWith(SUBFLOW)) return null
  const template = byId.get(typeOf(raw).slice(SUBFLOW.length))
  return template !== undefined && typeOf(template) === "subflow" ? template : null
}

function outputsOf(template: Raw | undefined): Map<string, number[]> {
  const outputs = new Map<string, number[]>()
  listOf(template?.["out"]).forEach((frame, output) => {
    for (const { id, port } of frameWires(frame)) {
      const key = `${id}/${port}`
      outputs.set(key, [...(outputs.get(key) ?? []), output])
    }
  })
  return outputs
}
