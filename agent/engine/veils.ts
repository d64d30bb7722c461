import { HIDDEN } from "../base/hidden.ts"
import {
  JSON_DEPTH_MAX,
  SECRET_IN_DATA_LENGTH_MIN,
  SECRET_LENGTH_MIN,
  SECRETS_VEILED_PER_SERVICE_MAX,
} from "../base/limits.ts"
import type { Json } from "../schema/json.ts"

/**
 * The secrets that each service was given, taken out of what comes back from it before that is recorded, shown or logged.
 * Only texts that are the secret, or hold it as it is; SECURITY.md says what that does not catch.
 */
export class Veils {
  readonly #of = new Map<string, Map<string, null>>()

  /** The service knows this value from now on: one of its settings, or a secret of an application. */
  cover(service: string, secret: Json): void {
    const texts = textsIn(secret).filter((text) => text.length >= SECRET_LENGTH_MIN)
    if (texts.length === 0) return
    const covered = this.#of.get(service) ?? new Map<string, null>()
    this.#of.set(service, covered)
    for (const text of texts) {
      // The last one given is the last one forgotten.
      covered.delete(text)
      covered.set(text, null)
      if (covered.size > SECRETS_VEILED_PER_SERVICE_MAX) covered.delete(covered.keys().next().value!)
    }
  }

  /** The service is gone, and what it knew with it. */
  forget(service: string): void {
    this.#of.delete(service)
  }

  /**
   * Data that something is done with: a text that is a secret, or holds one of SECRET_IN_DATA_LENGTH_MIN characters or
   * more. A shorter one is found too often where it means something else.
   */
  hideInData<Value extends Json>(service: string, data: Value): Value {
    return this.#hide(service, data, SECRET_IN_DATA_LENGTH_MIN)
  }

  /** What is only for people to read: a sentence, or the fields of a log line. */
  hideInText<Value>(service: string, text: Value): Value {
    return this.#hide(service, text, SECRET_LENGTH_MIN)
  }

  #hide<Value>(service: string, value: Value, inTextMin: number): Value {
    const covered = this.#of.get(service)
    if (covered === undefined) return value
    // A secret may hold another one.
    const secrets = [...covered.keys()].sort((a, b) => b.length - a.length)
    return hide(value, secrets, inTextMin, 0) as Value
  }
}

function hide(value: unknown, secrets: readonly string[], inTextMin: number, depth: number): unknown {
  if (typeof value === "string") return hideInText(value, secrets, inTextMin)
  if (typeof value === "number") return secrets.includes(String(value)) ? HIDDEN : value
  if (typeof value !== "object" || value === null) return value
  if (depth > JSON_DEPTH_MAX) return HIDDEN
  if (Array.isArray(value)) return value.map((item) => hide(item, secrets, inTextMin, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      hideInText(name, secrets, inTextMin),
      hide(item, secrets, inTextMin, depth + 1),
    ]),
  )
}

function hideInText(text: string, secrets: readonly string[], inTextMin: number): string {
  let shown = text
  for (const secret of secrets) {
    if (shown === secret) return HIDDEN
    if (secret.length >= inTextMin) shown = shown.replaceAll(secret, HIDDEN)
  }
  return shown
}

function textsIn(value: Json): string[] {
  if (typeof value === "string") return [value]
  if (typeof value === "number") return [String(value)]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : []
}
