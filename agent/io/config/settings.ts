import * as v from "valibot"
import { ConfigSchema } from "../../schema/config.ts"
import type { Json } from "../../schema/json.ts"

/** One setting of `config.yml`: a leaf of ConfigSchema. */
export interface Setting {
  /** With dots: `mqtt.maxPacketBytes`. */
  readonly key: string
  /** MESG_MQTT_MAX_PACKET_BYTES. */
  readonly variable: string
  readonly kind: "string" | "number" | "boolean" | "list" | "choice"
  /** Of a choice. */
  readonly options: readonly string[]
  readonly description: string
  /** undefined where there is none. */
  readonly standard: Json | undefined
  /** It must be given as soon as its group is. */
  readonly required: boolean
}

const KINDS: Record<string, Setting["kind"]> = {
  string: "string",
  number: "number",
  boolean: "boolean",
  array: "list",
  picklist: "choice",
}

/** Every setting there is, in the order of the schema. */
export const SETTINGS: readonly Setting[] = settingsOf(ConfigSchema, [], true)

/** `mqtt.maxPacketBytes` is MESG_MQTT_MAX_PACKET_BYTES: dots and humps become underscores. */
export function variableOf(key: string): string {
  return `MESG_${key
    .replace(/\./g, "_")
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_")
    .toUpperCase()}`
}

type Schema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>
interface Parts {
  readonly type: string
  readonly entries?: Readonly<Record<string, Schema>>
  readonly wrapped?: Schema
  readonly default?: unknown
  readonly pipe?: readonly { readonly type: string; readonly description?: string }[]
  readonly options?: readonly string[]
}

function settingsOf(schema: Schema, path: readonly string[], optional: boolean): Setting[] {
  const parts = schema as unknown as Parts
  if (parts.wrapped !== undefined && parts.wrapped.type === "strict_object")
    return settingsOf(parts.wrapped, path, true)
  if (parts.entries !== undefined) {
    return Object.entries(parts.entries).flatMap(([name, entry]) => settingsOf(entry, [...path, name], false))
  }
  const key = path.join(".")
  const inner = (parts.wrapped ?? schema) as unknown as Parts
  return [
    {
      key,
      variable: variableOf(key),
      kind: kindOf(inner, key),
      options: inner.options ?? [],
      description: inner.pipe?.find((step) => step.type === "description")?.description ?? "",
      standard: parts.default as Json | undefined,
      required: !optional && parts.wrapped === undefined,
    },
  ]
}

function kindOf(parts: Parts, key: string): Setting["kind"] {
  const kind = KINDS[parts.type]
  if (kind === undefined) throw new Error(`${key}: settings of type ${parts.type} cannot be given as text`)
  return kind
}

/**
 * A value as the environment and `--set` give it. Lists are separated by commas.
 * @returns what it means; text that does not fit stays text, for the schema to refuse
 */
export function valueOfText(setting: Setting, text: string): Json {
  if (setting.kind === "number") return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
  if (setting.kind === "boolean") return text === "true" ? true : text === "false" ? false : text
  if (setting.kind !== "list") return text
  return text === "" ? [] : text.split(",").map((item) => item.trim())
}
