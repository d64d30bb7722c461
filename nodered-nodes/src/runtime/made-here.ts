import type { AgentConnection } from "./agent/connection.ts"
import { JsonFile } from "./json-file.ts"
import type { Red } from "./red.ts"

/** Whose it is, and how it is reached. */
export interface Owner {
  /** The Core of the agent: the same under every address and configuration node. */
  readonly core: string
  /** Id of the configuration node of the agent, as it was drawn last. */
  readonly agent: string
  readonly name: string
}

interface Stored<Made> {
  readonly v: 2
  readonly items: readonly Made[]
}

/** What this Node-RED has put into agents: nothing else is changed or taken away. Kept over restarts. */
export class MadeHere<Made extends Owner> {
  readonly #red: Red
  readonly #file: JsonFile<Stored<Made>>
  readonly #made = new Map<string, Made>()

  /** @param name of the file in Node-RED's user folder */
  constructor(red: Red, name: string) {
    this.#red = red
    this.#file = new JsonFile(red.settings.userDir, name)
    const stored = this.#file.read((problem) => red.log.warn(`mesg: ${problem.message}`))
    for (const made of stored?.v === 2 ? stored.items : []) this.#made.set(keyOf(made.core, made.name), made)
  }

  get(core: string, name: string): Made | undefined {
    return this.#made.get(keyOf(core, name))
  }

  all(): readonly Made[] {
    return [...this.#made.values()]
  }

  /** Before it is put there: what a crash leaves behind is then known. */
  set(made: Made): void {
    this.#made.set(keyOf(made.core, made.name), made)
    this.#write()
  }

  forget({ core, name }: Owner): void {
    if (this.#made.delete(keyOf(core, name))) this.#write()
  }

  #write(): void {
    try {
      this.#file.write({ v: 2, items: this.all() })
    } catch (error) {
      this.#red.log.error(`mesg: it cannot be kept what is made here: ${String(error)}`)
    }
  }
}

/**
 * Whether flows still have it, under whatever configuration node. An agent that does not answer may be the one that it is in.
 * @throws AgentError
 */
export async function isDrawn(
  { core, agent, name }: Owner,
  drawn: readonly Pick<Owner, "agent" | "name">[],
  connectionOf: (agent: string) => AgentConnection,
  signal: AbortSignal,
): Promise<boolean> {
  for (const one of drawn) {
    if (one.name !== name) continue
    if (one.agent === agent) return true
    const connection = connectionOf(one.agent)
    if (connection.problem !== null || (await connection.core(signal)) === core) return true
  }
  return false
}

/** What the flows of one deploy have at each agent: two configuration nodes may lead to one. */
export class Claims {
  readonly #agents = new Map<string, string>()

  /** @returns whether no other configuration node of this deploy has it there */
  take({ core, agent, name }: Owner): boolean {
    const key = keyOf(core, name)
    if (!this.#agents.has(key)) this.#agents.set(key, agent)
    return this.#agents.get(key) === agent
  }
}

export function keyOf(first: string, second: string): string {
  return JSON.stringify([first, second])
}
