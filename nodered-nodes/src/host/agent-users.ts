import { AgentClient } from "../runtime/api/agent-client.ts"
import { AgentError } from "../runtime/api/agent-error.ts"
import type { FindEndpoint } from "../runtime/api/endpoint.ts"
import type { Token } from "../runtime/api/shapes.ts"
import { LOGINS_KEPT_MAX, LOGINS_KEPT_MS, LOGIN_TIMEOUT_MS } from "../runtime/limits.ts"

/** Who is logged in, as Node-RED asks for it. */
export interface NodeRedUser {
  readonly username: string
  readonly permissions: "*" | "read"
}

/** The name under which `run/token` is logged in with; its id. */
const OWNER = "owner"
const RUN_TOKEN = "run"

interface Kept {
  readonly token: Token | null
  readonly until: number
}

/**
 * The agent's tokens as Node-RED's users: the name, or the id, of a token is the user, its secret the password. A flow can
 * hold any code, and runs as the agent's user: so only `admin` may change flows, and the other scopes of people may look.
 * What the agent says is kept for LOGINS_KEPT_MS; where it does not answer nobody is let in.
 */
export class AgentUsers {
  readonly #client: AgentClient
  readonly #kept = new Map<string, Kept>()

  constructor(find: FindEndpoint) {
    this.#client = new AgentClient(find)
  }

  /** @returns whose secret this is, or null */
  secret(secret: string): Promise<Token | null> {
    return this.#keep(`secret ${secret}`, (signal) => this.#client.verifyToken(secret, signal))
  }

  /** Of a login. The name must be that of the token, so that Node-RED can ask for it again. */
  async login(username: string, secret: string): Promise<NodeRedUser | null> {
    const [found, named] = await Promise.all([this.secret(secret), this.#named(username)])
    return found !== null && found.id === named?.id ? userOf(username, found) : null
  }

  /** Of a session, at each request: a token that was revoked ends it. */
  async user(username: string): Promise<NodeRedUser | null> {
    const token = await this.#named(username)
    return token === null ? null : userOf(username, token)
  }

  /** Of a program that sends a secret instead of a session. */
  async bearer(secret: string): Promise<NodeRedUser | null> {
    const token = await this.secret(secret)
    return token === null ? null : userOf(token.id === RUN_TOKEN ? OWNER : token.id, token)
  }

  /** An id goes before a name, and the owner before both: nobody gets another's rights by the name of a token. */
  #named(username: string): Promise<Token | null> {
    return this.#keep(`name ${username}`, async (signal) => {
      if (username === OWNER) return { id: RUN_TOKEN, name: null, scope: "admin" }
      const tokens = await this.#client.tokens(signal)
      return tokens.find(({ id }) => id === username) ?? tokens.find(({ name }) => name === username) ?? null
    })
  }

  async #keep(key: string, ask: (signal: AbortSignal) => Promise<Token | null>): Promise<Token | null> {
    const known = this.#kept.get(key)
    if (known !== undefined && known.until > performance.now()) return known.token
    this.#kept.delete(key)
    const token = await ask(AbortSignal.timeout(LOGIN_TIMEOUT_MS))
    this.#kept.set(key, { token, until: performance.now() + LOGINS_KEPT_MS })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > LOGINS_KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest)
    return token
  }
}

/** @returns null for tokens of services and devices, which are for MQTT */
function userOf(username: string, { scope }: Token): NodeRedUser | null {
  if (scope === "admin") return { username, permissions: "*" }
  return scope === "read" || scope === "operate" || scope === "deploy" ? { username, permissions: "read" } : null
}

/** What an unreachable agent is to Node-RED: nobody. @throws what is no matter of the agent */
export async function orNobody<User>(asked: Promise<User | null>): Promise<User | null> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof AgentError)) throw error
    process.stderr.write(`[error] mesg: who logs in cannot be checked: ${error.advice}\n`)
    return null
  }
}
