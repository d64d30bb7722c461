import type { AgentConnection } from "../agent/connection.ts"
import { errorText } from "../api/agent-error.ts"
import type { Manifest } from "../api/shapes.ts"
import { JsonFile } from "../json-file.ts"
import { SERVICES_MAX } from "../limits.ts"
import type { Red } from "../red.ts"
import { definitionOf, type ServiceDefinition, typesOf } from "./definition.ts"
import { reading } from "./reading.ts"

interface Known {
  readonly manifest: Manifest
  readonly removed: boolean
}

interface Registrar {
  task(type: string): void
  event(type: string): void
}

/**
 * The services of every agent that is connected, as nodes. Types are registered as services come; Node-RED cannot
 * unregister one, so what is removed stays, marked, until no flow uses it. What is known is kept in a file: at its next
 * start Node-RED has flows to run before an agent has answered.
 */
export class Palette {
  readonly #red: Red
  readonly #file: JsonFile<{ readonly v: 1; readonly services: readonly Known[] }>
  readonly #services = new Map<string, Known>()
  /** By service, what each agent that has it says of it. */
  readonly #said = new Map<string, Map<AgentConnection, Manifest>>()
  readonly #registered = new Set<string>()
  #registrar: Registrar | null = null
  /** Told of each change. */
  onChanged: () => void = () => {}

  constructor(red: Red) {
    this.#red = red
    this.#file = new JsonFile(red.settings.userDir, "mesg-palette.json")
  }

  /** Registers what is known from last time. */
  start(registrar: Registrar): void {
    this.#registrar = registrar
    const kept = this.#file.read((problem) => this.#red.log.warn(`mesg: ${problem.message}`))
    for (const { manifest, removed } of kept?.services ?? []) this.#add(manifest, removed)
  }

  /** In the order of their ids. */
  definitions(): ServiceDefinition[] {
    const services = [...this.#services.values()].map(({ manifest, removed }) => definitionOf(manifest, removed))
    return services.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Of an installed service. */
  manifest(id: string): Manifest | undefined {
    const known = this.#services.get(id)
    return known === undefined || known.removed ? undefined : known.manifest
  }

  /** Follows the services of an agent until its connection is stopped. */
  follow(connection: AgentConnection): void {
    const { client, signal } = connection
    const failed = (error: unknown) => {
      if (!signal.aborted) this.#red.log.warn(`mesg: services cannot be read: ${errorText(error)}`)
    }
    const want = reading({
      signal,
      fetch: (id) => client.service(id, signal),
      take: (id, service) => this.#says(connection, id, service?.manifest ?? null),
      changed: () => this.#changed(),
      failed,
    })
    signal.addEventListener("abort", () => this.#leave(connection), { once: true })
    connection.on("service", ({ id }) => want([id]))
    connection.on("reset", () => {
      client
        .services(signal)
        .then((services) => want([...this.#idsOf(connection), ...services.map(({ id }) => id)]), failed)
    })
    connection.on("state", (problem) => {
      if (problem === null) want([])
    })
  }

  /** What an agent has said that it has. */
  #idsOf(connection: AgentConnection): string[] {
    return [...this.#said].flatMap(([id, said]) => (said.has(connection) ? [id] : []))
  }

  /** Forgets removed services of which no deployed flow uses a node. */
  keepUsed(types: ReadonlySet<string>): void {
    const unused = [...this.#services.values()].filter(({ manifest, removed }) => {
      const { tasks, events } = typesOf(manifest)
      return removed && ![...tasks, ...events].some((type) => types.has(type))
    })
    for (const { manifest } of unused) this.#services.delete(manifest.id)
    if (unused.length > 0) this.#changed()
  }

  /** @param manifest null where this agent does not have the service @returns whether something is new */
  #says(connection: AgentConnection, id: string, manifest: Manifest | null): boolean {
    const said = this.#said.get(id) ?? new Map<AgentConnection, Manifest>()
    if (manifest === null) said.delete(connection)
    else said.set(connection, manifest)
    if (said.size === 0) {
      this.#said.delete(id)
      return this.#remove(id)
    }
    this.#said.set(id, said)
    return this.#add(mergedManifest([...said.values()]), false)
  }

  /** No node names this agent any more: what others have of a service is what there is. What nobody else has stays. */
  #leave(connection: AgentConnection): void {
    let changed = false
    for (const said of this.#said.values()) {
      if (!said.delete(connection) || said.size === 0) continue
      if (this.#add(mergedManifest([...said.values()]), false)) changed = true
    }
    if (changed) this.#changed()
  }

  /** @returns whether something is new */
  #add(manifest: Manifest, removed: boolean): boolean {
    const service: Known = { manifest, removed }
    const { id } = manifest
    const known = this.#services.get(id)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(service)) return false
    if (known === undefined && this.#services.size >= SERVICES_MAX) {
      this.#red.log.warn(`mesg: ${SERVICES_MAX} services are in the palette; "${id}" is left out`)
      return false
    }
    this.#services.set(id, service)
    const { tasks, events } = typesOf(manifest)
    for (const type of tasks) if (this.#isNew(type)) this.#registrar?.task(type)
    for (const type of events) if (this.#isNew(type)) this.#registrar?.event(type)
    return true
  }

  #isNew(type: string): boolean {
    if (this.#registered.has(type)) return false
    this.#registered.add(type)
    return true
  }

  #remove(id: string): boolean {
    const known = this.#services.get(id)
    if (known === undefined || known.removed) return false
    this.#services.set(id, { ...known, removed: true })
    return true
  }

  #changed(): void {
    try {
      this.#file.write({ v: 1, services: [...this.#services.values()] })
    } catch (error) {
      this.#red.log.warn(`mesg: the palette cannot be kept for the next start: ${errorText(error)}`)
    }
    this.onChanged()
  }
}

/** One service of several agents: everything that any of them has; what two say differently is as the first says it. */
export function mergedManifest(manifests: readonly Manifest[]): Manifest {
  const [first, ...others] = manifests
  return others.reduce<Manifest>(
    (merged, { tasks, events }) => ({
      ...merged,
      tasks: { ...merged.tasks, ...tasks, ...merged.tasks },
      events: { ...merged.events, ...events, ...merged.events },
    }),
    first!,
  )
}
