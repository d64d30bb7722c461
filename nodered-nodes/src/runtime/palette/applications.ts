import type { AgentConnection } from "../agent/connection.ts"
import { errorText } from "../api/agent-error.ts"
import type { DeployedApplication, ListedApplication, Manifest } from "../api/shapes.ts"
import { JsonFile } from "../json-file.ts"
import { APPLICATIONS_MAX } from "../limits.ts"
import type { Red } from "../red.ts"
import type { ApplicationDefinition } from "./definition.ts"
import { reading } from "./reading.ts"

/** What is known of a public application. */
interface PublicApplication {
  readonly name: string
  readonly description: string
  /** Of its deployment: with another mark it is to be read again. */
  readonly mark: string
  /** Whose data it is called with. */
  readonly trigger: { readonly service: string; readonly event: string }
  /** JSON Schemas of their data. */
  readonly outputs: Readonly<Record<string, object>>
}

interface Stored {
  readonly v: 1
  readonly agents: Readonly<Record<string, readonly PublicApplication[]>>
}

/**
 * The public applications of each agent, which flows can call as tasks. What is known is kept in a file, by the address of
 * the agent: at its next start Node-RED has flows to run before an agent has answered.
 */
export class Applications {
  readonly #red: Pick<Red, "log" | "settings">
  readonly #max: number
  readonly #file: JsonFile<Stored>
  /** By the address of the agent, then by name. */
  readonly #agents = new Map<string, Map<string, PublicApplication>>()
  /** By the ids of the `mesg-agent` nodes that run. */
  #addresses: ReadonlyMap<string, string> = new Map()
  /** Told of each change. */
  onChanged: () => void = () => {}

  /** @param max of one agent */
  constructor(red: Pick<Red, "log" | "settings">, max = APPLICATIONS_MAX) {
    this.#red = red
    this.#max = max
    this.#file = new JsonFile(red.settings.userDir, "mesg-public-applications.json")
    const stored = this.#file.read((problem) => red.log.warn(`mesg: ${problem.message}`))
    for (const [address, applications] of Object.entries(stored?.agents ?? {})) {
      this.#agents.set(address, new Map(applications.map((one) => [one.name, one])))
    }
  }

  /** @param agent id of a `mesg-agent` node; of the agent of this machine where none of them runs */
  get(name: string, agent: string): PublicApplication | undefined {
    return this.#agents.get(this.#addresses.get(agent) ?? "")?.get(name)
  }

  /** By agent, each in the order of their names. @param manifest of a service, whose events say what they are called with */
  definitions(manifest: (service: string) => Manifest | undefined): ApplicationDefinition[] {
    return [...new Map([["", ""], ...this.#addresses])].flatMap(([agent, address]) =>
      [...(this.#agents.get(address)?.values() ?? [])]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((application) => definitionOf(application, agent, manifest(application.trigger.service))),
    )
  }

  /** Follows the applications of an agent until its connection is stopped. */
  follow(connection: AgentConnection): void {
    const { client, signal, url: address } = connection
    const failed = (error: unknown) => {
      if (!signal.aborted) this.#red.log.warn(`mesg: applications cannot be read: ${errorText(error)}`)
    }
    const want = reading({
      signal,
      fetch: (name) => client.application(name, signal),
      take: (name, application) => this.#says(address, name, application),
      changed: () => this.#changed(),
      failed,
    })
    const isOther = (listed: ListedApplication) => {
      const known = this.#of(address).get(listed.name)
      return known === undefined ? listed.visibility === "public" : known.mark !== markOf(listed)
    }
    connection.on("application", ({ name }) => want([name]))
    connection.on("reset", () => {
      client.applications(signal).then((listed) => {
        want(listed.filter(isOther).map(({ name }) => name))
        // One that the list lacks may have come since it was made.
        const names = new Set(listed.map(({ name }) => name))
        want([...this.#of(address).keys()].filter((name) => !names.has(name)))
      }, failed)
    })
    connection.on("state", (problem) => {
      if (problem === null) want([])
    })
  }

  /** What nobody names any more is forgotten. @param addresses by the ids of the `mesg-agent` nodes that run */
  keepNamed(addresses: ReadonlyMap<string, string>): void {
    const shown = () => JSON.stringify(this.definitions(() => undefined))
    const before = shown()
    const named = new Set(["", ...addresses.values()])
    this.#addresses = addresses
    for (const address of this.#agents.keys()) if (!named.has(address)) this.#agents.delete(address)
    if (shown() !== before) this.#changed()
  }

  #of(address: string): Map<string, PublicApplication> {
    const known = this.#agents.get(address) ?? new Map<string, PublicApplication>()
    this.#agents.set(address, known)
    return known
  }

  /** @param application null where there is none of this name @returns whether something is new */
  #says(address: string, name: string, application: DeployedApplication | null): boolean {
    const agent = this.#of(address)
    if (application?.visibility !== "public") return agent.delete(name)
    const before = agent.get(name)
    if (before === undefined && agent.size >= this.#max) {
      this.#red.log.warn(`mesg: ${this.#max} applications of an agent can be called; "${name}" is left out`)
      return false
    }
    const now = publicApplication(application)
    agent.set(name, now)
    return JSON.stringify({ ...before, mark: "" }) !== JSON.stringify({ ...now, mark: "" })
  }

  #changed(): void {
    const agents = [...this.#agents].map(([address, known]) => [address, [...known.values()]] as const)
    try {
      this.#file.write({ v: 1, agents: Object.fromEntries(agents) })
    } catch (error) {
      this.#red.log.warn(`mesg: the applications cannot be kept for the next start: ${errorText(error)}`)
    }
    this.onChanged()
  }
}

function markOf({ version, deployed }: ListedApplication): string {
  return `${version} ${deployed}`
}

function publicApplication(application: DeployedApplication): PublicApplication {
  const { name, document } = application
  const [{ trigger }] = Object.values(document.workflows) as [DeployedApplication["document"]["workflows"][string]]
  const outputs = Object.entries(document.outputs ?? {})
  return {
    name,
    description: document.description ?? "",
    mark: markOf(application),
    trigger: { service: trigger.service, event: trigger.event },
    outputs: Object.fromEntries(outputs.map(([status, { schema }]) => [status, schema ?? {}])),
  }
}

function definitionOf(
  { name, description, trigger, outputs }: PublicApplication,
  agent: string,
  manifest: Manifest | undefined,
): ApplicationDefinition {
  const events = manifest?.events ?? {}
  const inputs = Object.hasOwn(events, trigger.event) ? events[trigger.event]!.data : {}
  const statuses = Object.entries(outputs).map(([status, data]) => [status, { description: "", data }] as const)
  return { agent, name, description, inputs, statuses: Object.fromEntries(statuses) }
}
