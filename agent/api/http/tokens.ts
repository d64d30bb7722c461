import { timingSafeEqual } from "node:crypto"
import { toHex, utf8 } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import { sortableId } from "../../base/ids.ts"
import { TOKENS_MAX } from "../../base/limits.ts"
import { isTopicFilter } from "../../base/topic.ts"
import type { Principal } from "../../ports/broker.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Random } from "../../ports/random.ts"
import type { Store } from "../../ports/store.ts"
import { Turns } from "../../engine/turns.ts"
import { TABLE } from "../../schema/tables.ts"
import { TOPIC_ROOT } from "../../schema/service-message.ts"
import { ApiError } from "../errors.ts"
import type { TokenScope } from "../operations/operation.ts"

/** A token as it is kept: never its secret, only the hash. */
export interface Token {
  readonly id: string
  readonly name: string | null
  readonly scope: TokenScope
  readonly services: readonly string[]
  readonly topics: readonly string[]
  readonly createdMs: number
}

interface StoredToken extends Token {
  readonly v: 1
  /** SHA-256 of the secret, 64 hex digits. The secret has 256 bits, so a slow hash adds nothing. */
  readonly hash: string
}

export interface TokenRequest {
  readonly name?: string | undefined
  readonly scope?: TokenScope | undefined
  readonly services: readonly string[]
  readonly topics: readonly string[]
}

export interface TokensOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
}

const SECRET_BYTES = 32
const RUN_TOKEN: Token = { id: "run", name: "run/token", scope: "admin", services: [], topics: [], createdMs: 0 }

/**
 * The bearer tokens of this gateway. A secret is `mesg_<id>_<64 hex digits>`; the one of `run/token` is new at every
 * start, has every right and is never stored.
 */
export class Tokens {
  readonly #options: TokensOptions
  readonly #tokens = new Map<string, StoredToken>()
  readonly #listeners = new Set<(token: Token) => Promise<void> | void>()
  /** Whether a name is free is only known once the one before is written. */
  readonly #turns = new Turns()
  #runToken = ""

  constructor(options: TokensOptions) {
    this.#options = options
  }

  /** Reads the stored tokens and makes the run token. */
  start(): void {
    for (const { value } of this.#options.store.range(TABLE.token)) {
      const token = value as StoredToken
      this.#tokens.set(token.id, token)
    }
    this.#runToken = secretOf(RUN_TOKEN.id, this.#options.random)
  }

  /** The secret that main writes to `run/token`, mode 0600. */
  get runToken(): string {
    return this.#runToken
  }

  list(): readonly Token[] {
    return [...this.#tokens.values()].map(withoutHash).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /**
   * @returns the token and its secret, which is never shown again
   * @throws ApiError TOO_MANY_TOKENS, TOKEN_INVALID
   */
  create(request: TokenRequest): Promise<{ token: Token; secret: string }> {
    return this.#turns.take(() => this.#create(request))
  }

  async #create(request: TokenRequest): Promise<{ token: Token; secret: string }> {
    const { store, clock, random } = this.#options
    if (this.#tokens.size >= TOKENS_MAX) {
      throw new ApiError({ code: "TOO_MANY_TOKENS" }, `there are ${TOKENS_MAX} tokens already`, {
        remedy: "revoke those that nobody uses: mesg token list",
      })
    }
    if (this.list().some(({ name }) => name !== null && name === request.name)) {
      // The name of a client certificate finds its token.
      throw invalid(`there is a token named ${JSON.stringify(request.name)} already`, "choose another name")
    }
    const scope = request.scope ?? (request.services.length > 0 ? "service" : "read")
    checkRequest(scope, request)
    const token: Token = {
      id: this.#freshId(),
      name: request.name ?? null,
      scope,
      services: request.services,
      topics: request.topics,
      createdMs: clock.now(),
    }
    const secret = secretOf(token.id, random)
    const stored: StoredToken = { v: 1, ...token, hash: hashOf(secret) }
    await store.write([{ put: TABLE.token, key: [token.id], value: stored }])
    this.#tokens.set(token.id, stored)
    return { token, secret }
  }

  /** @throws ApiError TOKEN_NOT_FOUND */
  async revoke(id: string): Promise<void> {
    const token = this.#tokens.get(id)
    if (token === undefined)
      throw new ApiError({ code: "TOKEN_NOT_FOUND" }, `there is no token ${id}`, {
        remedy: "`mesg token list` shows the ids",
      })
    // Refused from here on, whatever becomes of the write.
    this.#tokens.delete(id)
    try {
      await this.#options.store.write([{ remove: TABLE.token, key: [id] }])
    } catch (error) {
      this.#tokens.set(id, token)
      throw error
    }
    for (const listener of this.#listeners) await listener(withoutHash(token))
  }

  /** Told of each revoked token before the revocation is answered: its streams and MQTT clients must go. */
  onRevoked(listener: (token: Token) => Promise<void> | void): void {
    this.#listeners.add(listener)
  }

  /** @returns whose secret this is, compared in constant time, or null */
  verify(secret: string): Token | null {
    const id = /^mesg_([0-9a-z]+)_[0-9a-f]{64}$/.exec(secret)?.[1]
    if (id === undefined) return null
    if (id === RUN_TOKEN.id) return equalHashes(hashOf(this.#runToken), hashOf(secret)) ? RUN_TOKEN : null
    const token = this.#tokens.get(id)
    return token !== undefined && equalHashes(token.hash, hashOf(secret)) ? withoutHash(token) : null
  }

  /** @returns who a client with this MQTT password is and what it may do there, or null */
  principalOfToken(secret: string): Principal | null {
    const token = this.verify(secret)
    return token === null ? null : principalOf(token)
  }

  #freshId(): string {
    for (;;) {
      // The last digits of a sortable id are its random ones.
      const id = sortableId("t", 0, this.#options.random.bytes(10)).slice(-10)
      if (!this.#tokens.has(id)) return id
    }
  }
}

/** The name under which MQTT knows the bearer of a token. */
export function principalName(token: Token): string {
  return token.id === RUN_TOKEN.id ? "owner" : `token:${token.id}`
}

/**
 * The MQTT rights of a token: an admin's are the owner's, a service's are its own topics, a device's the listed ones;
 * a person's or program's is to read the feed.
 */
export function principalOf(token: Token): Principal {
  const name = principalName(token)
  if (token.scope === "admin") return { name, publish: ["#"], subscribe: ["#", "$SYS/#"] }
  const topics = token.scope === "device" ? token.topics : []
  const feed = token.scope === "device" || token.scope === "service" ? [] : [`${TOPIC_ROOT}/feed/#`]
  return {
    name,
    publish: [...token.services.flatMap(servicePublishes), ...topics],
    subscribe: [...token.services.flatMap(serviceSubscribes), ...topics, ...feed],
  }
}

function servicePublishes(service: string): string[] {
  return ["manifest", "event/+", "event/+/+", "result/+"].map((part) => `${TOPIC_ROOT}/${service}/${part}`)
}

function serviceSubscribes(service: string): string[] {
  return ["task/+", "verify/+", "recover/+", "status"].map((part) => `${TOPIC_ROOT}/${service}/${part}`)
}

function checkRequest(scope: TokenScope, { services, topics }: TokenRequest): void {
  if (scope === "service" && services.length === 0) {
    throw invalid("a token of scope service names no service", "add --service ID")
  }
  if (scope === "device" && (topics.length === 0 || services.length > 0)) {
    throw invalid("a token of scope device has topics and no services", "add --topics 'zigbee2mqtt/#'")
  }
  if (scope !== "device" && topics.length > 0) {
    throw invalid("only tokens of scope device have topics", "add --scope device")
  }
  for (const topic of topics) {
    if (!isTopicFilter(topic)) throw invalid(`${JSON.stringify(topic)} is no topic filter`, "such as zigbee2mqtt/#")
    // A device must not be able to forge a service's events or results, nor the agent's own topics.
    if (/^(?:[#+]|\$|mesg(?:\/|$))/.test(topic)) {
      throw invalid(`a device may not have ${JSON.stringify(topic)}`, "name the first level, and not mesg or $SYS")
    }
  }
}

function invalid(message: string, remedy: string): ApiError {
  return new ApiError({ code: "TOKEN_INVALID" }, message, { remedy })
}

function withoutHash({ id, name, scope, services, topics, createdMs }: StoredToken): Token {
  return { id, name, scope, services, topics, createdMs }
}

function secretOf(id: string, random: Random): string {
  return `mesg_${id}_${toHex(random.bytes(SECRET_BYTES))}`
}

function hashOf(secret: string): string {
  return toHex(sha256(utf8(secret)))
}

function equalHashes(a: string, b: string): boolean {
  return timingSafeEqual(utf8(a), utf8(b))
}
