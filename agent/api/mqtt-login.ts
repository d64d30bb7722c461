import { fromUtf8 } from "../base/bytes.ts"
import type { Authenticate, Credentials, Principal } from "../ports/broker.ts"
import type { Config } from "../schema/config.ts"
import { principalOf, type Tokens } from "./http/tokens.ts"

/** Who a first `mosquitto_pub` on the gateway itself is, as long as nobody has claimed the node. */
const ANONYMOUS_OWNER: Principal = { name: "anonymous", publish: ["#"], subscribe: ["#", "$SYS/#"] }

/**
 * Logs MQTT clients in: by token as the password, by a client certificate whose common name is a token's name, or,
 * on loopback only, by nothing at all. See docs/spec/broker.md#login
 */
export function mqttLogin(tokens: Tokens, mqtt: Config["mqtt"]): Authenticate {
  return async (credentials) => {
    if (credentials.password !== null) {
      const secret = fromUtf8(credentials.password)
      return secret === null ? null : tokens.principalOfToken(secret)
    }
    if (credentials.username !== null) return null
    if (credentials.certificate !== null) {
      const token = tokens.list().find(({ name }) => name === credentials.certificate)
      return token === undefined ? null : principalOf(token)
    }
    return isAnonymousOwner(credentials, mqtt) ? ANONYMOUS_OWNER : null
  }
}

/** Over WebSocket never: a page in the owner's browser is on loopback too. */
function isAnonymousOwner({ transport, address }: Credentials, { anonymous }: Config["mqtt"]): boolean {
  const isLoopback = address === "::1" || /^(?:::ffff:)?127\./.test(address)
  return anonymous === "loopback" && transport === "tcp" && isLoopback
}
