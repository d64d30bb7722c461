import { randomBytes } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { localAgent } from "../runtime/api/endpoint.ts"
import { AGENT_GONE_STOP_MS } from "../runtime/limits.ts"
import { AgentUsers, orNobody } from "./agent-users.ts"
import { endpointGuard } from "./endpoint-guard.ts"

export interface HostOptions {
  readonly userDir: string
  readonly listen: string
  readonly port: number
}

/**
 * The settings of a Node-RED that an agent runs: who may open its editor, and call what its flows serve, is asked of the
 * agent. It is read by Node-RED in the process that the agent started.
 */
export function settings({ userDir, listen, port }: HostOptions): object {
  // Flows and their credentials are the agent's user's alone.
  process.umask(0o077)
  stopWithAgent()
  const users = new AgentUsers(localAgent())
  return {
    mesgAgent: true,
    uiHost: listen,
    uiPort: port,
    flowFile: "flows.json",
    credentialSecret: secretIn(userDir),
    adminAuth: {
      type: "credentials",
      users: (username: string) => orNobody(users.user(username)),
      authenticate: (username: string, secret: string) => orNobody(users.login(username, secret)),
      tokens: (secret: string) => orNobody(users.bearer(secret)),
    },
    httpNodeAuth: endpointGuard(users),
    telemetry: { enabled: false, updateNotification: false },
    editorTheme: { tours: false, projects: { enabled: false } },
    logging: { console: { level: "info", metrics: false, audit: false } },
  }
}

/** Without its agent it would go on with what it cannot deploy, and hold the port of the next one. */
function stopWithAgent(): void {
  process.once("disconnect", () => {
    setTimeout(() => process.exit(1), AGENT_GONE_STOP_MS).unref()
    process.kill(process.pid, "SIGTERM")
  })
}

/** Under which Node-RED encrypts credentials: made once. */
function secretIn(userDir: string): string {
  const file = join(userDir, "credential-secret")
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString("hex"), { mode: 0o600, flag: "wx" })
  return readFileSync(file, "utf8")
}
