import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { AgentError } from "./agent-error.ts"

/** Where an agent answers, and what to say to be let in. */
export interface Endpoint {
  readonly url: string
  readonly token: string
}

/** Finds an agent at each attempt to reach it: its token is new at every start. @throws AgentError AGENT_NOT_FOUND,
 * AGENT_GONE */
export type FindEndpoint = () => Endpoint

/** The homes of an agent of this machine, in the order in which they are looked at. */
export function defaultHomes(env: NodeJS.ProcessEnv = process.env): string[] {
  const own = env["MESG_HOME"]
  if (own !== undefined && own !== "") return [own]
  return [join(env["XDG_DATA_HOME"] || join(homedir(), ".local/share"), "mesg"), "/var/lib/mesg"]
}

/** The agent of this machine, by what it wrote to `run/` of its home. Works for the user that runs it, or its group. */
export function localAgent(homes: readonly string[] = defaultHomes()): FindEndpoint {
  return () => {
    const problems: string[] = []
    for (const home of homes) {
      const found = readRunFiles(home)
      if (typeof found !== "string") return found
      problems.push(found)
    }
    throw new AgentError("AGENT_NOT_FOUND", `no agent runs here: ${problems.join("; ")}`, {
      problem: { remedy: "start it with `mesg start`, or give the node the address and a token of another one" },
    })
  }
}

/** @param url as given by the user @param token of `mesg token create` */
export function remoteAgent(url: string, token: string): FindEndpoint {
  const endpoint = { url: url.trim().replace(/\/+$/, ""), token }
  return () => endpoint
}

export const AGENT_GONE = "the agent node that this names is gone or disabled"

/** Where nobody can say any more where the agent is. */
export const goneAgent: FindEndpoint = () => {
  throw new AgentError("AGENT_GONE", AGENT_GONE, {
    problem: { remedy: "enable it and deploy, or choose another one" },
  })
}

/** @returns why there is none */
function readRunFiles(home: string): Endpoint | string {
  try {
    const agent = JSON.parse(readFileSync(join(home, "run/agent.json"), "utf8")) as { http?: unknown }
    if (typeof agent.http !== "string") return `${home}/run/agent.json names no address`
    return { url: agent.http, token: readFileSync(join(home, "run/token"), "utf8").trim() }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === "ENOENT" ? `none wrote to ${home}/run` : message
  }
}
