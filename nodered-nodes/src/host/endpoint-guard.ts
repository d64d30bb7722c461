import type { IncomingMessage, ServerResponse } from "node:http"
import type { AgentUsers } from "./agent-users.ts"
import { orNobody } from "./agent-users.ts"

/** Scopes that may call what a flow serves: a call starts work. */
const SCOPES: readonly string[] = ["operate", "deploy", "admin"]

/** In front of what flows serve over HTTP: a token as the password of HTTP Basic, whatever the user's name, or as bearer. */
export function endpointGuard(users: AgentUsers) {
  return async (request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> => {
    const secret = secretOf(request.headers.authorization ?? "")
    const token = secret === null ? null : await orNobody(users.secret(secret))
    if (token !== null && SCOPES.includes(token.scope)) return next()
    response.statusCode = token === null ? 401 : 403
    if (token === null) response.setHeader("WWW-Authenticate", 'Basic realm="MESG", charset="UTF-8"')
    response.end()
  }
}

function secretOf(authorization: string): string | null {
  const [, scheme, value] = /^(basic|bearer) +(\S+)$/i.exec(authorization) ?? []
  if (scheme === undefined || value === undefined) return null
  if (scheme.toLowerCase() === "bearer") return value
  const pair = Buffer.from(value, "base64").toString("utf8")
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : null
}
