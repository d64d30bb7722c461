import type { AgentConnection } from "../agent/connection.ts"
import type { Red, Status } from "../red.ts"

/** Of a node whose agent cannot be spoken to. */
export function awayStatus(red: Red, { isTokenRefused }: AgentConnection): Status {
  const text = red._(isTokenRefused ? "mesg.status.token-refused" : "mesg.status.no-agent")
  return { fill: isTokenRefused ? "red" : "grey", shape: "ring", text }
}

/** Of a node whose agent does not have what it stands for. */
export function unknownStatus(red: Red): Status {
  return { fill: "yellow", shape: "ring", text: red._("mesg.status.unknown") }
}
