import { nodeKind, serviceOfType } from "../../flow/nodes.ts"
import type { AgentConnection } from "../agent/connection.ts"
import { errorText } from "../api/agent-error.ts"
import type { Manifest } from "../api/shapes.ts"
import { JsonFile } from "../json-file.ts"
import { SERVICES_MAX } from "../limits.ts"
import type { Red } from "../red.ts"
import { definitionOf, hasType, type ServiceDefinition, typesOf } from "./definition.ts"
import { reading } from "./reading.ts"

/** One service. */
interface Entry {
  /** What each agent that has it says of it, by the agent's address; where none is left, it is removed. */
  readonly said: Map<string, Manifest>
  /** All of that as one, or what it was last. */
  manifest: Manifest
}

/** As it is kept: `removed` is the last of a service that no agent has. */
interface Kept {
  readonly said: readonly (readonly [url: string, manifest: Manifest])[]
  readonly removed: Manifest | null
}

interface Registrar {
  task(type: string): void
  event(type: string): void
}

const FILE_VERSION = 2

/** `changed`: services or types are other ones; `listed`: of an agent it is known now what it lacks. */
type PaletteListener = (what: "changed" | "listed") => void

/**
 * The services of every agent that is connected, as nodes. Types are registered as services come, and as flows use them:
 * Node-RED starts no flow while a type is missing, and a flow may be what makes its service. Node-RED cannot unregister
 * one, so what is removed stays, marked, until no flow uses it. What is known is kept in a file for the next start.
 */
export class Palette {
  readonly #red: Red
  readonly #file: JsonFile<{ readonly v: number; readonly services: readonly Kept[] }>
  readonly #services = new Map<string, Entry>()
  readonly #registered = new Set<string>()
  /** Generated types of the flows. */
  #used: ReadonlySet<string> = new Set()
  /** The services that each agent has listed, and still has; their manifests are read behind that. */
  readonly #listed = new Map<AgentConnection, Set<string>>()
  readonly #listeners = new Set<PaletteListener>()
  #registrar: Registrar | null = null

  constructor(red: Red) {
    this.#red = red
    this.#file = new JsonFile(red.settings.userDir, "mesg-palette.json")
  }

  /** Registers what is known from last time. */
  start(registrar: Registrar): void {
    this.#registrar = registrar
    const kept = this.#file.read((problem) => this.#red.log.warn(`mesg: ${problem.message}`))
    if (kept?.v !== FILE_VERSION) return
    for (const { said, removed } of kept.services) {
      for (const [url, manifest] of said) this.#says(url, manifest.id, manifest)
      if (removed !== null) this.#enter({ said: new Map(), manifest: removed })
    }
  }

  /** @returns ends that */
  on(listener: PaletteListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** In the order of their ids. */
  definitions(): ServiceDefinition[] {
    return [...this.#services.values()].map(viewOf).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Of an installed service. */
  manifest(id: string): Manifest | undefined {
    const entry = this.#services.get(id)
    return entry === undefined || entry.said.size === 0 ? undefined : entry.manifest
  }

  /** Whether an agent is known not to have what a generated type stands for. */
  lacks(connection: AgentConnection, type: string): boolean {
    const service = serviceOfType(type)
    const listed = this.#listed.get(connection)
    if (service === null || listed === undefined) return false
    const manifest = this.#services.get(service)?.said.get(connection.url)
    return manifest === undefined ? !listed.has(service) : !hasType(manifest, type)
  }

  /** Follows the services of an agent until its connection is stopped. */
  follow(connection: AgentConnection): void {
    const { client, signal, url } = connection
    const failed = (error: unknown) => {
      if (!signal.aborted) this.#red.log.warn(`mesg: services cannot be read: ${errorText(error)}`)
    }
    const want = reading({
      signal,
      fetch: (id) => client.service(id, signal),
      take: (id, service) => {
        if (service === null) this.#listed.get(connection)?.delete(id)
        return this.#says(url, id, service?.manifest ?? null)
      },
      changed: () => this.#changed(),
      failed,
    })
    signal.addEventListener("abort", () => this.#listed.delete(connection), { once: true })
    connection.on("service", ({ id }) => want([id]))
    connection.on("reset", () => {
      client.services(signal).then((services) => {
        const ids = services.map(({ id }) => id)
        const before = [...this.#services].filter(([, { said }]) => said.has(url))
        this.#listed.set(connection, new Set(ids))
        want([...before.map(([id]) => id), ...ids])
        this.#tell("listed")
      }, failed)
    })
    connection.on("state", (problem) => {
      if (problem === null) want([])
    })
  }

  /** The types of the flows that are about to run: each of ours is registered when this returns. */
  use(types: Iterable<string>): void {
    const before = this.placeholders().join()
    this.#used = new Set([...types].filter((type) => serviceOfType(type) !== null))
    for (const type of this.#used) {
      this.#register(type)
      // It may have come after Node-RED looked which types of these flows are missing.
      this.#red.events.emit("type-registered", type)
    }
    const forgot = this.#forgetUnused()
    if (forgot || this.placeholders().join() !== before) this.#changed()
  }

  /** What only other agents than these had is removed. @param urls the addresses that nodes name */
  keepNamed(urls: ReadonlySet<string>): void {
    let changed = false
    for (const [id, { said }] of this.#services) {
      for (const url of [...said.keys()]) {
        if (!urls.has(url) && this.#says(url, id, null)) changed = true
      }
    }
    if (changed) {
      this.#forgetUnused()
      this.#changed()
    }
  }

  /** Types of the flows that no service stands behind. */
  placeholders(): string[] {
    return [...this.#used].filter((type) => {
      const entry = this.#services.get(serviceOfType(type)!)
      return entry === undefined || !hasType(entry.manifest, type)
    })
  }

  /** Removed services of which no flow uses a node. @returns whether there were any */
  #forgetUnused(): boolean {
    const unused = [...this.#services].filter(
      ([, { said, manifest }]) => said.size === 0 && !typesOf(manifest).some((type) => this.#used.has(type)),
    )
    for (const [id] of unused) this.#services.delete(id)
    return unused.length > 0
  }

  /** @param manifest null where the agent at this address does not have the service @returns whether something is new */
  #says(url: string, id: string, manifest: Manifest | null): boolean {
    const entry = this.#services.get(id)
    if (manifest === null) {
      if (entry === undefined || !entry.said.delete(url)) return false
      entry.manifest = mergedManifest(entry.said) ?? entry.manifest
      return true
    }
    const said = entry?.said ?? new Map<string, Manifest>()
    if (JSON.stringify(said.get(url)) === JSON.stringify(manifest)) return false
    said.set(url, manifest)
    return this.#enter({ said, manifest: mergedManifest(said)! })
  }

  /** @returns whether there was room for it */
  #enter(entry: Entry): boolean {
    const { id } = entry.manifest
    if (!this.#services.has(id) && this.#services.size >= SERVICES_MAX) {
      this.#red.log.warn(`mesg: ${SERVICES_MAX} services are in the palette; "${id}" is left out`)
      return false
    }
    this.#services.set(id, entry)
    for (const type of typesOf(entry.manifest)) this.#register(type)
    return true
  }

  #register(type: string): void {
    if (this.#registered.has(type)) return
    this.#registered.add(type)
    if (nodeKind(type)?.kind === "task") this.#registrar?.task(type)
    else this.#registrar?.event(type)
  }

  #changed(): void {
    const services = [...this.#services.values()].map(({ said, manifest }): Kept => {
      return { said: [...said], removed: said.size === 0 ? manifest : null }
    })
    try {
      this.#file.write({ v: FILE_VERSION, services })
    } catch (error) {
      this.#red.log.warn(`mesg: the palette cannot be kept for the next start: ${errorText(error)}`)
    }
    this.#tell("changed")
  }

  #tell(what: Parameters<PaletteListener>[0]): void {
    for (const listener of this.#listeners) listener(what)
  }
}

/** Where agents say different things of a service, what each of them says is in it too. */
function viewOf({ said, manifest }: Entry): ServiceDefinition {
  const whole = definitionOf(manifest, said.size === 0)
  const own = [...said].map(([url, one]) => [url, definitionOf(one, false)] as const)
  const differing = own.filter(([, one]) => JSON.stringify(one) !== JSON.stringify(whole))
  return differing.length === 0 ? whole : { ...whole, byAgent: Object.fromEntries(own) }
}

/**
 * One service of several agents: everything that any of them has; what two say differently is as the first address says
 * it, and the agent of this machine has the first one.
 * @returns null where nobody says anything
 */
export function mergedManifest(said: ReadonlyMap<string, Manifest>): Manifest | null {
  const [first, ...others] = [...said].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, manifest]) => manifest)
  if (first === undefined) return null
  return others.reduce<Manifest>(
    (merged, { tasks, events }) => ({
      ...merged,
      tasks: { ...merged.tasks, ...tasks, ...merged.tasks },
      events: { ...merged.events, ...events, ...merged.events },
    }),
    first,
  )
}
