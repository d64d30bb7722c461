import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** `run/agent.json`: what is really bound. Written when ready, removed at stop. */
export interface AgentFile {
  readonly pid: number
  readonly version: string
  /** 64 hex digits. */
  readonly nodeKey: string
  readonly mqtt: string | null
  readonly http: string
  readonly p2p: readonly string[]
  /** What the sockets are bound to: `0.0.0.0:1883` where every address of the machine is, which nobody can go to. */
  readonly bound: { readonly mqtt: string | null; readonly mqttTls: string | null; readonly http: string }
  /** ISO 8601. */
  readonly started: string
}

/**
 * Tells the CLI of this machine where the agent is and how to log in. The token is there before the addresses, so who
 * finds the one finds the other.
 * The folder `run` is there already.
 * @param mode of both: 0600, or 0640 for the group of an installed service
 */
export function writeRunFiles(home: string, agent: AgentFile, token: string, mode = 0o600): void {
  const folder = join(home, "run")
  replaceFile(join(folder, "token"), `${token}\n`, mode)
  replaceFile(join(folder, "agent.json"), `${JSON.stringify(agent)}\n`, mode)
}

/** At stop: nobody is here any more. */
export function removeRunFiles(home: string): void {
  for (const name of ["agent.json", "token"]) rmSync(join(home, "run", name), { force: true })
}

/** @returns null where no agent says that it runs @throws where the files are there and cannot be read (EACCES) */
export function readRunFiles(home: string): { agent: AgentFile; token: string } | null {
  try {
    const agent = JSON.parse(readFileSync(join(home, "run", "agent.json"), "utf8")) as AgentFile
    return { agent, token: readFileSync(join(home, "run", "token"), "utf8").trim() }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
    throw error
  }
}

/** Whole or not at all, and never readable by others in between. */
function replaceFile(path: string, content: string, mode: number): void {
  const partial = `${path}.partial`
  rmSync(partial, { force: true })
  writeFileSync(partial, content, { mode: 0o600, flag: "wx" })
  chmodSync(partial, mode)
  renameSync(partial, path)
}
