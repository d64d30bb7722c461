import { messageOf } from "../../base/errors.ts"
import { readRunFiles } from "../run-files.ts"
import { type Endpoint, noAgent } from "./client.ts"
import { CliError } from "./error.ts"

/**
 * Where the agent is: MESG_URL with MESG_TOKEN, else what it wrote to `run/` of its home.
 * @throws CliError USAGE; NO_AGENT; NOT_ALLOWED where the files are another user's
 */
export function findEndpoint(home: string, env: Readonly<Record<string, string | undefined>>): Endpoint {
  const { MESG_URL: url, MESG_TOKEN: token } = env
  if (url !== undefined && url !== "") {
    if (/^https?:$/.test(URL.parse(url)?.protocol ?? "")) return { url, token: token ?? "", pid: null }
    throw new CliError({ code: "USAGE" }, `MESG_URL is ${JSON.stringify(url)}, which is no address of an agent`, {
      remedy: "give it as http://gateway:6374, or unset it",
    })
  }
  let found: ReturnType<typeof readRunFiles>
  try {
    found = readRunFiles(home)
  } catch (error) {
    throw new CliError({ code: "NOT_ALLOWED", status: 403, problem: {} }, messageOf(error), {
      remedy: "run it as the user of the agent, or as a member of the group mesg",
      cause: error,
    })
  }
  if (found === null) throw noAgent(home)
  return { url: found.agent.http, token: token ?? found.token, pid: found.agent.pid }
}
