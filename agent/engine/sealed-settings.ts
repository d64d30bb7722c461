import { fromHex, fromUtf8, toHex, utf8 } from "../base/bytes.ts"
import type { Keys } from "../ports/keys.ts"
import type { Json, JsonObject } from "../schema/json.ts"
import { type DeclaresSettings, secretSettings } from "../schema/settings.ts"

interface Sealed {
  readonly sealed: string
}

/** Settings as they are stored: every `secret: true` value sealed under a key of this home. */
export function sealSettings(declared: DeclaresSettings, config: JsonObject, keys: Keys): JsonObject {
  return changeSecrets(declared, config, (value) => ({ sealed: toHex(keys.seal(utf8(JSON.stringify(value)))) }))
}

/** @param stored settings that may be of an agent which kept secrets as they were @returns whether none is in clear */
export function areSealed(declared: DeclaresSettings, stored: JsonObject): boolean {
  return secretSettings(declared).every((name) => stored[name] === undefined || isSealed(stored[name]))
}

/** The settings a service runs with. A secret that was sealed elsewhere is left out: the service then says it is missing. */
export function openSettings(declared: DeclaresSettings, stored: JsonObject, keys: Keys): JsonObject {
  return changeSecrets(declared, stored, (value) => openSetting(value, keys))
}

/** @param stored a sealed value @returns undefined where it was not sealed under this home's key */
export function openSetting(stored: Json | undefined, keys: Keys): Json | undefined {
  const bytes = stored !== undefined && isSealed(stored) ? fromHex(stored.sealed) : null
  const plain = bytes === null ? null : keys.open(bytes)
  const text = plain === null ? null : fromUtf8(plain)
  return text === null ? undefined : (JSON.parse(text) as Json)
}

/** @returns the secrets that are stored and were not sealed under this home's key: their owner must set them again */
export function lostSettings(declared: DeclaresSettings, stored: JsonObject, keys: Keys): readonly string[] {
  return secretSettings(declared).filter(
    (name) => stored[name] !== undefined && openSetting(stored[name], keys) === undefined,
  )
}

function changeSecrets(
  declared: DeclaresSettings,
  config: JsonObject,
  change: (value: Json) => Json | undefined,
): JsonObject {
  const secrets = secretSettings(declared)
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
