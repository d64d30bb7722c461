import { isMesgError } from "../../base/errors.ts"
import { toHex, utf8 } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import {
  IDEMPOTENCY_ANSWER_BYTES_MAX,
  IDEMPOTENCY_KEPT_MS,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  IDEMPOTENCY_KEYS_MAX,
} from "../../base/limits.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Change, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import { ApiError } from "../errors.ts"

export interface KeptAnswer {
  readonly status: number
  readonly body: string
}

interface Stored {
  readonly v: 1
  readonly timeMs: number
  /** SHA-256 of what was asked, so that one key cannot mean two things. */
  readonly request: string
  /** Null from before the work until its answer is known. */
  readonly answer: KeptAnswer | null
}

/**
 * Answers by `Idempotency-Key`, for a day and bounded in number: the same request with the same key is done once.
 * The key is durable before the work begins; where a crash left the outcome unknown, the repeat is told so.
 */
export class Idempotency {
  readonly #store: Store
  readonly #clock: Clock
  /** Times by key, oldest first. */
  readonly #times = new Map<string, number>()
  readonly #running = new Set<string>()

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  start(): void {
    const found: [string, number][] = []
    for (const { key, value } of this.#store.range(TABLE.idempotency)) {
      found.push([String(key[0]), (value as Stored).timeMs])
    }
    for (const [key, timeMs] of found.sort((a, b) => a[1] - b[1])) this.#times.set(key, timeMs)
  }

  /**
   * @param owner id of the token: keys of different callers are different
   * @param request method, path and body as they were sent
   * @param work done once; its error is kept by nobody, so that the caller can try again
   * @throws ApiError IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_INTERRUPTED
   */
  async once(owner: string, header: string, request: string, work: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    checkIdempotencyKey(header)
    const key = callersKey(owner, header)
    const hash = toHex(sha256(utf8(request)))
    if (this.#running.has(key)) {
      throw new ApiError({ code: "IDEMPOTENCY_IN_PROGRESS" }, "a request with this Idempotency-Key is being answered", {
        remedy: "repeat it in a moment for its answer",
      })
    }
    const known = this.#known(key)
    if (known !== null) return answerOf(known, hash)
    this.#running.add(key)
    try {
      return await this.#first(key, hash, work)
    } finally {
      this.#running.delete(key)
    }
  }

  async #first(key: string, request: string, work: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    const timeMs = this.#clock.now()
    const stored = (answer: KeptAnswer | null): Change => {
      return { put: TABLE.idempotency, key: [key], value: { v: 1, timeMs, request, answer } satisfies Stored }
    }
    // Taken out first: the order of the map is the order of time.
    this.#times.delete(key)
    this.#times.set(key, timeMs)
    await this.#store.write([stored(null), ...this.#prune(timeMs)])
    let answer: KeptAnswer
    try {
      answer = await work()
    } catch (error) {
      // A refusal did nothing, so the key is free again; anything else leaves the outcome unknown.
      if (isMesgError(error)) {
        this.#times.delete(key)
        await this.#store.write([{ remove: TABLE.idempotency, key: [key] }])
      }
      throw error
    }
    await this.#store.write([stored({ ...answer, body: shortened(answer.body) })])
    return answer
  }

  #known(key: string): Stored | null {
    const timeMs = this.#times.get(key)
    if (timeMs === undefined || timeMs < this.#clock.now() - IDEMPOTENCY_KEPT_MS) return null
    return (this.#store.get(TABLE.idempotency, [key]) ?? null) as Stored | null
  }

  /** What is too old or too many, oldest first; never one that is running. */
  #prune(nowMs: number): Change[] {
    const changes: Change[] = []
    for (const [key, timeMs] of this.#times) {
      if (this.#times.size <= IDEMPOTENCY_KEYS_MAX && timeMs >= nowMs - IDEMPOTENCY_KEPT_MS) break
      if (this.#running.has(key)) continue
      this.#times.delete(key)
      changes.push({ remove: TABLE.idempotency, key: [key] })
    }
    return changes
  }
}

/** A long answer is kept as its plain fields: the repeat is told ids and statuses, and can read the rest by them. */
function shortened(body: string): string {
  if (body.length <= IDEMPOTENCY_ANSWER_BYTES_MAX) return body
  const fields = Object.entries(JSON.parse(body) as Record<string, unknown>)
  return JSON.stringify(Object.fromEntries(fields.filter(([, value]) => JSON.stringify(value).length <= 100)))
}

/** @returns 64 hex digits: the keys of different callers are different */
export function callersKey(owner: string, header: string): string {
  return toHex(sha256(utf8(`${owner}\0${header}`)))
}

export function keyReused(message: string): ApiError {
  return new ApiError({ code: "IDEMPOTENCY_KEY_REUSED" }, message, { remedy: "use a new one for each new request" })
}

/** @throws ApiError IDEMPOTENCY_KEY_INVALID */
export function checkIdempotencyKey(header: string): void {
  if (header.length > 0 && header.length <= IDEMPOTENCY_KEY_LENGTH_MAX && /^[!-~ ]+$/.test(header)) return
  throw new ApiError(
    { code: "IDEMPOTENCY_KEY_INVALID" },
    `an Idempotency-Key is 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters`,
    { remedy: "send a UUID" },
  )
}

function answerOf(known: Stored, request: string): KeptAnswer {
  if (known.request !== request) {
    throw keyReused("this Idempotency-Key was used for another request")
  }
  if (known.answer === null) {
    throw new ApiError(
      { code: "IDEMPOTENCY_INTERRUPTED" },
      "the agent stopped or failed while it did this, so nobody can say whether it was done",
      { remedy: "look whether it was, then send it with a new key if not" },
    )
  }
  return known.answer
}
