import { JsonFile } from "../json-file.ts"
import type { Red } from "../red.ts"

/** What this Node-RED made of one application. */
export interface Made {
  /** Of the document and its settings, as they were deployed. */
  readonly hash: string
  /** Null: it was about to be deployed for the first time, and nobody knows whether it was. */
  readonly version: number | null
}

interface Stored {
  readonly v: 1
  /** By the id of the agent's configuration node, then by name. */
  readonly agents: Readonly<Record<string, Readonly<Record<string, Made>>>>
}

/** The applications that this Node-RED made: no other one is changed or removed. Kept over restarts. */
export class Memory {
  readonly #red: Red
  readonly #file: JsonFile<Stored>
  readonly #agents: Map<string, Map<string, Made>>

  constructor(red: Red) {
    this.#red = red
    this.#file = new JsonFile(red.settings.userDir, "mesg-applications.json")
    const stored = this.#file.read((problem) => red.log.warn(`mesg: ${problem.message}`))
    const agents = Object.entries(stored?.agents ?? {})
    this.#agents = new Map(agents.map(([agent, made]) => [agent, new Map(Object.entries(made))]))
  }

  get(agent: string, name: string): Made | undefined {
    return this.#agents.get(agent)?.get(name)
  }

  /** @returns every application that was made, with its agent */
  all(): { readonly agent: string; readonly name: string }[] {
    return [...this.#agents].flatMap(([agent, made]) => [...made.keys()].map((name) => ({ agent, name })))
  }

  set(agent: string, name: string, made: Made): void {
    const known = this.#agents.get(agent) ?? new Map<string, Made>()
    this.#agents.set(agent, known.set(name, made))
    this.#write()
  }

  forget(agent: string, name: string): void {
    this.#agents.get(agent)?.delete(name)
    this.#write()
  }

  #write(): void {
    const agents = Object.fromEntries([...this.#agents].map(([agent, made]) => [agent, Object.fromEntries(made)]))
    try {
      this.#file.write({ v: 1, agents })
    } catch (error) {
      this.#red.log.error(`mesg: it cannot be kept which applications are made here: ${String(error)}`)
    }
  }
}
