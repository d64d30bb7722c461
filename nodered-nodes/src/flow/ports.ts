import { BUILT_IN_PORTS, portsOf } from "./nodes.ts"

/** The outputs of a task node: the status of each port, and the nodes behind it. */
export interface Ports {
  readonly statuses: readonly string[]
  readonly wires: readonly (readonly string[])[]
}

/** The outputs after a change of the manifest; `gone` are statuses with wires that are no longer declared. */
export interface ChangedPorts extends Ports {
  readonly gone: readonly string[]
}

/**
 * What the ports of a node become when its service declares other statuses: every wire goes on meaning the status it was
 * drawn from. A status that is gone keeps its port as long as it has wires, so that they can be seen and warned of; one
 * that is new gets a port; built-in ones stay shown or hidden, and are shown where they have a wire.
 * @param declared names of the statuses that are declared now, in order; empty where the task itself is gone
 * @see docs/spec/node-red.md#nodes
 */
export function portsAfter({ statuses, wires }: Ports, declared: readonly string[]): ChangedPorts {
  const wiresOf = new Map<string, readonly string[]>()
  statuses.forEach((status, port) => {
    const more = wires[port] ?? []
    wiresOf.set(status, [...new Set([...(wiresOf.get(status) ?? []), ...more])])
  })
  const builtIn: readonly string[] = BUILT_IN_PORTS
  const hidden = builtIn.filter((status) => !statuses.includes(status))
  const gone = [...wiresOf.keys()].filter((status) => {
    return !declared.includes(status) && !builtIn.includes(status) && wiresOf.get(status)!.length > 0
  })
  const next = portsOf([...declared, ...gone], hidden)
  return { statuses: next, wires: next.map((status) => wiresOf.get(status) ?? []), gone }
}
