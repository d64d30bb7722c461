import { HIDDEN, LOST } from "../base/hidden.ts"
import { compileDataSchema, type DataIssue } from "./data-schema.ts"
import type { Json, JsonObject } from "./json.ts"
import type { Manifest } from "./manifest.ts"

/** One JSON Schema for all settings of a service. */
export interface SettingsSchema extends JsonObject {
  readonly type: "object"
  readonly properties: { readonly [name: string]: JsonObject }
  readonly required: readonly string[]
  readonly additionalProperties: false
}

/**
 * The JSON Schema of a manifest's `config`. An entry is a JSON Schema with two marks of our own, taken off here:
 * `secret: true` and `required: true` (the service does not start without it).
 */
export function settingsSchema(manifest: Pick<Manifest, "config">): SettingsSchema {
  const properties: Record<string, JsonObject> = {}
  const required: string[] = []
  for (const [name, entry] of Object.entries(manifest.config)) {
    const { secret: _, required: mark, ...schema } = entry as { secret?: boolean; required?: unknown } & JsonObject
    // In a schema of type object, `required` is the JSON Schema keyword and stays.
    properties[name] = Array.isArray(mark) ? { ...schema, required: mark as Json[] } : schema
    if (mark === true) required.push(name)
  }
  return { type: "object", properties, required, additionalProperties: false }
}

/** What declares settings: the manifest of a service, or an application. */
export interface DeclaresSettings {
  readonly config: { readonly [setting: string]: { readonly secret?: boolean | undefined } }
}

/** @returns the names of the settings that are stored sealed and never shown */
export function secretSettings(manifest: DeclaresSettings): readonly string[] {
  return Object.entries(manifest.config).flatMap(([name, entry]) => (entry.secret === true ? [name] : []))
}

/** Settings as anybody may see them. @param lost secrets that are there and cannot be opened */
export function shownSettings(
  declared: DeclaresSettings,
  config: JsonObject,
  lost: readonly string[] = [],
): JsonObject {
  const secrets = secretSettings(declared)
  const shown = (name: string, value: Json) => (lost.includes(name) ? LOST : secrets.includes(name) ? HIDDEN : value)
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, shown(name, value)]))
}

export type CheckedSettings =
  | { readonly ok: true; readonly config: JsonObject }
  | {
      readonly ok: false
      /** Required settings that are not there, and have no default. */
      readonly missing: readonly string[]
      /** What is wrong with those that are there; `path` begins with `/` and the setting's name. */
      readonly issues: readonly DataIssue[]
    }

/** Checks settings against the manifest and fills in the defaults. Never puts a value into a message: it may be secret. */
export function checkSettings(manifest: Pick<Manifest, "config">, given: Json): CheckedSettings {
  const { required, ...schema } = settingsSchema(manifest)
  const config: Record<string, Json> = {}
  // Most services have no settings: nothing is compiled for them.
  if (Object.keys(schema.properties).length === 0 && isEmpty(given)) return { ok: true, config }
  for (const [name, entry] of Object.entries(schema.properties)) {
    if (entry["default"] !== undefined) config[name] = entry["default"]
  }
  if (given !== null && typeof given === "object" && !Array.isArray(given)) Object.assign(config, given)
  const missing = required.filter((name) => !Object.hasOwn(config, name))
  const compiled = compileDataSchema(schema)
  const issues = compiled.ok ? compiled.check(config) : [{ path: "", message: compiled.message }]
  return missing.length + issues.length === 0 ? { ok: true, config } : { ok: false, missing, issues }
}

/** What is wrong with settings, in words. */
export function settingsTrouble({ missing, issues }: CheckedSettings & { ok: false }): string {
  const wrong = issues.map(({ path, message }) => `${path === "" ? "they" : path.slice(1)} ${message}`)
  return [...missing.map((name) => `${name} is missing`), ...wrong].join("; ")
}

function isEmpty(given: Json): boolean {
  return given !== null && typeof given === "object" && Object.keys(given).length === 0
}
