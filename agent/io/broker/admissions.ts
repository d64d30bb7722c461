import { messageOf } from "../../base/errors.ts"
import { MQTT_CONNECTIONS_SHARE_PER_PRINCIPAL, MQTT_REFUSED_CLIENTS_KEPT_MAX } from "../../base/limits.ts"
import { Said } from "../../base/said.ts"
import type { Authenticate, ClientView, Credentials, Principal } from "../../ports/broker.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Log } from "../../ports/log.ts"
import type { Connection } from "./connection.ts"
import { notAllowed } from "./error.ts"
import { Rights } from "./rights.ts"
import type { Router } from "./router.ts"
import { type Refusal, UNAVAILABLE, type WillMessage } from "./session-plane.ts"
import type { SessionStore } from "./session-store.ts"
import type { Session } from "./session.ts"

const IDENTIFIER_REJECTED: Refusal = 2
const NOT_AUTHORIZED: Refusal = 5

/** Who is connected, and whether who comes may: authentication, the will's rights, take-over, the session. */
export class Admissions {
  readonly #authenticate: Authenticate
  readonly #sessions: SessionStore
  readonly #router: Router
  readonly #clock: Clock
  readonly #connectionsMax: number
  readonly #log: Log
  readonly #byClient = new Map<string, Connection>()
  /** How many of these each principal has. */
  readonly #byPrincipal = new Map<string, number>()
  readonly #principals = new WeakMap<Connection, string>()
  /** Principals who had a client refused for too many sessions. */
  readonly #refused = new Said(MQTT_REFUSED_CLIENTS_KEPT_MAX)
  readonly #sinceMs = new WeakMap<Connection, number>()

  constructor(parts: {
    authenticate: Authenticate
    sessions: SessionStore
    router: Router
    clock: Clock
    connectionsMax: number
    log: Log
  }) {
    this.#authenticate = parts.authenticate
    this.#sessions = parts.sessions
    this.#router = parts.router
    this.#clock = parts.clock
    this.#connectionsMax = parts.connectionsMax
    this.#log = parts.log
  }

  get size(): number {
    return this.#byClient.size
  }

  get(clientId: string): Connection | undefined {
    return this.#byClient.get(clientId)
  }

  views(): ClientView[] {
    return Array.from(this.#byClient, ([clientId, connection]) => {
      return {
        clientId,
        principal: connection.admission?.rights.principal.name ?? "",
        transport: connection.link.transport,
        connectedSinceMs: this.#sinceMs.get(connection) ?? 0,
      }
    })
  }

  /** @returns 0 with `connection.admission` set, or the return code of CONNACK */
  async admit(
    connection: Connection,
    client: { id: string; username: string | null; password: Uint8Array | null; will: WillMessage | null },
  ): Promise<0 | Refusal> {
    const { link } = connection
    const credentials: Credentials = {
      clientId: client.id,
      username: client.username,
      password: client.password === null ? null : new Uint8Array(client.password),
      certificate: link.certificate,
      transport: link.transport,
      address: link.address,
    }
    const principal = await this.#authenticate(credentials)
    if (connection.closed) return UNAVAILABLE
    if (principal === null) return NOT_AUTHORIZED
    const rights = new Rights(principal)
    if (client.will !== null && !this.#mayLeave(client.will.topic, rights)) return NOT_AUTHORIZED
    const other = this.#byClient.get(client.id)
    if (this.#belongsToAnother(client.id, principal)) return IDENTIFIER_REJECTED
    if (other === undefined && this.#isFull(principal)) return UNAVAILABLE
    // [MQTT-3.1.4-2]
    other?.fail(notAllowed("MQTT-3.1.4-2", "another client came with the same client id"))
    this.#byClient.set(client.id, connection)
    this.#principals.set(connection, principal.name)
    this.#count(principal.name, 1)
    this.#sinceMs.set(connection, this.#clock.now())
    const clean = connection.facts!.clean
    const known = this.#sessions.get(client.id)
    if (known !== undefined && (clean || !known.persistent)) this.#router.forget(known)
    const opened = await this.#sessions.open(client.id, clean, principal.name)
    if (opened === null) return this.#tooMany(client.id, principal.name)
    if (connection.closed) {
      this.#sessions.close(opened.session)
      return UNAVAILABLE
    }
    const present = opened.present && connection.facts!.version === 4
    connection.admission = { session: opened.session, rights, credentials, present }
    await this.#apply(opened.session, rights)
    return 0
  }

  /** For this principal: the owner gets in as long as anybody does. */
  #isFull({ name, publish }: Principal): boolean {
    if (this.#byClient.size >= this.#connectionsMax) return true
    const shareMax = Math.ceil(this.#connectionsMax * MQTT_CONNECTIONS_SHARE_PER_PRINCIPAL)
    return !publish.includes("#") && (this.#byPrincipal.get(name) ?? 0) >= shareMax
  }

  #count(principal: string, by: 1 | -1): void {
    const count = (this.#byPrincipal.get(principal) ?? 0) + by
    if (count === 0) this.#byPrincipal.delete(principal)
    else this.#byPrincipal.set(principal, count)
  }

  #tooMany(clientId: string, principal: string): Refusal {
    if (this.#refused.isNews(principal)) {
      const remedy = "remove those that nobody uses: connect with their ids and a clean session"
      const message = "a client was refused as there are too many sessions; its principal is named once"
      this.#log.warn(message, { clientId, principal, remedy })
    }
    return UNAVAILABLE
  }

  #mayLeave(will: string, rights: Rights): boolean {
    // The packet was read: this is a name within our bounds.
    const { reserved } = this.#router.route(this.#router.topics.of(will)!)
    return rights.mayPublish(will) && reserved === null
  }

  /** A client id and what is queued under it are not taken over by somebody else, but for the owner. */
  #belongsToAnother(clientId: string, { name, publish }: Principal): boolean {
    const holder = this.#byClient.get(clientId)?.admission?.rights ?? this.#sessions.get(clientId)?.rights
    return holder != null && holder.principal.name !== name && !publish.includes("#")
  }

  forget(connection: Connection): void {
    const { admission } = connection
    const clientId = admission?.session.clientId ?? connection.facts?.clientId
    if (clientId !== undefined && this.#byClient.get(clientId) === connection) {
      this.#byClient.delete(clientId)
      this.#count(this.#principals.get(connection)!, -1)
    }
    if (admission === null || admission.session.persistent) return
    this.#router.forget(admission.session)
    this.#sessions.close(admission.session)
  }

  async recheck(name: string): Promise<void> {
    for (const session of this.#sessions.all()) {
      // Of clients that are away: asked again when they come back.
      if (session.rights?.principal.name === name && session.receiver === null) session.rights = null
    }
    this.#router.changed()
    const concerned = Array.from(this.#byClient.values()).filter(
      (connection) => connection.admission?.rights.principal.name === name,
    )
    await Promise.all(concerned.map((connection) => this.#reconsider(connection)))
  }

  async #reconsider(connection: Connection): Promise<void> {
    const admission = connection.admission!
    const before = admission.rights.principal.name
    const principal = await this.#authenticate(admission.credentials).catch((error: unknown) => {
      this.#log.error("a client's rights could not be checked", { error: messageOf(error) })
      return null
    })
    if (connection.closed) return
    if (principal === null || principal.name !== before) {
      admission.session.rights = null
      connection.revoke()
      return
    }
    const rights = new Rights(principal)
    connection.reconsider(rights)
    await this.#apply(admission.session, rights)
  }

  /** Subscriptions and queued messages that these rights do not cover end. */
  async #apply(session: Session, rights: Rights): Promise<void> {
    session.rights = rights
    const refused = Array.from(session.subscriptions.keys()).filter((filter) => !rights.maySubscribe(filter))
    for (const filter of refused) this.#router.unsubscribe(session, filter)
    for (const item of Array.from(session.outgoing())) {
      if (item.frame === null || rights.mayReceive(item.topic)) continue
      session.forget(item)
      this.#sessions.delivered(session, item)
    }
    if (session.subscriptions.size > 0) this.#router.changed()
    await this.#sessions.unsubscribed(session, refused)
  }
}
