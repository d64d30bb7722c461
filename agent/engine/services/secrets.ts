import { fromHex, fromUtf8, toHex, utf8 } from "../../base/bytes.ts"
import type { Keys } from "../../ports/keys.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { secretSettings } from "../../schema/settings.ts"

/** What stands in for a secret wherever settings are shown. */
export const HIDDEN = "(secret)"

interface Sealed {
  readonly sealed: string
}

/** Settings as they are stored: every `secret: true` value sealed under a key of this home. */
export function sealSettings(manifest: Manifest, config: JsonObject, keys: Keys): JsonObject {
  return changeSecrets(manifest, config, (value) => ({ sealed: toHex(keys.seal(utf8(JSON.stringify(value)))) }))
}

/** The settings a service runs with. A secret that was sealed elsewhere is left out: the service then says it is missing. */
export function openSettings(manifest: Manifest, stored: JsonObject, keys: Keys): JsonObject {
  return changeSecrets(manifest, stored, (value) => {
    const bytes = isSealed(value) ? fromHex(value.sealed) : null
    const plain = bytes === null ? null : keys.open(bytes)
    const text = plain === null ? null : fromUtf8(plain)
    return text === null ? undefined : (JSON.parse(text) as Json)
  })
}

/** Settings as anybody may see them. */
export function showSettings(manifest: Manifest, stored: JsonObject): JsonObject {
  return changeSecrets(manifest, stored, () => HIDDEN)
}

/** A shorter text would be found where it means something else. */
const SECRET_LENGTH_MIN = 4
const LOG_DEPTH_MAX = 8

/**
 * Takes the secrets of a service out of what it logs.
 * @param config its settings as it runs with them
 * @returns the same text or fields with HIDDEN in the place of every secret
 */
export function secretHider(manifest: Manifest, config: JsonObject): <Value>(value: Value) => Value {
  const secrets = secretSettings(manifest)
    .flatMap((name) => textsIn(config[name] ?? null))
    .filter((text) => text.length >= SECRET_LENGTH_MIN)
  if (secrets.length === 0) return (value) => value
  const hide = (value: unknown, depth: number): unknown => {
    if (typeof value === "string") return secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), value)
    if (typeof value !== "object" || value === null) return value
    if (depth === LOG_DEPTH_MAX) return HIDDEN
    if (Array.isArray(value)) return value.map((item) => hide(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, hide(item, depth + 1)]))
  }
  return <Value>(value: Value) => hide(value, 0) as Value
}

function textsIn(value: Json): string[] {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : []
}

function changeSecrets(manifest: Manifest, config: JsonObject, change: (value: Json) => Json | undefined): JsonObject {
  const secrets = secretSettings(manifest)
  return Object.fromEntries(
    Object.entries(config).flatMap(([name, value]) => {
      const changed = secrets.includes(name) ? change(value) : value
      return changed === undefined ? [] : [[name, changed]]
    }),
  )
}

function isSealed(value: Json): value is Json & Sealed {
  return typeof value === "object" && value !== null && "sealed" in value && typeof value.sealed === "string"
}
