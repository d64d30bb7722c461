import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import ajvFormats from "ajv-formats"
import { CHECK_TIME_MS_MAX, SCHEMA_LIGHT_LENGTH_MAX, SCHEMAS_PER_COMPILER_MAX } from "../base/limits.ts"
import type { JsonObject } from "./json.ts"
import { Patience } from "./patience.ts"
import { Pattern, PatternTooSlow } from "./pattern.ts"

/** One reason why data breaks its schema. `path` is a JSON pointer into the data, "" for the whole. */
export interface DataIssue {
  readonly path: string
  readonly message: string
}

/** Checks data against one JSON Schema of a manifest. @returns the reasons, empty where it fits */
export type DataCheck = (data: unknown) => readonly DataIssue[]

let shared: Ajv2020 | undefined
let compiled = 0

// Made at the first use: an agent without services never pays for it. `secret` is the manifest's own keyword.
function ajv(): Ajv2020 {
  // What it compiles leaves texts and patterns in it; with a new one those of manifests that are gone go too.
  if (shared === undefined || ++compiled > SCHEMAS_PER_COMPILER_MAX) {
    compiled = 0
    shared = new Ajv2020({
      strict: false,
      allErrors: false,
      validateFormats: true,
      addUsedSchema: false,
      messages: true,
      // `code` is for those who write the check into a file.
      code: { regExp: Object.assign((source: string, flags: string) => new Pattern(source, flags), { code: "" }) },
    })
    ajvFormats.default(shared)
    shared.addKeyword("secret")
  }
  return shared
}

export type CompiledDataSchema = { ok: true; check: DataCheck } | { ok: false; message: string }

/**
 * Compiles one JSON Schema (2020-12) of a manifest.
 * @returns the check, or why the schema itself is wrong
 */
export function compileDataSchema(schema: JsonObject): CompiledDataSchema {
  let validate: ValidateFunction
  const compiler = ajv()
  try {
    validate = compiler.compile(schema)
  } catch (error) {
    return { ok: false, message: (error as Error).message }
  }
  // Ajv keeps every compiled schema by object identity; manifests come and go.
  compiler.removeSchema(schema)
  const patience = isLight(schema) ? null : new Patience()
  /** @returns why nobody knows, where it took too long or went too deep */
  const fit = (data: unknown): boolean | string => {
    try {
      const done = patience === null ? { value: validate(data) } : patience.run(() => validate(data))
      return done?.value ?? `its schema takes more than ${CHECK_TIME_MS_MAX} ms`
    } catch (error) {
      if (error instanceof PatternTooSlow) return error.message
      // A schema that leads back to itself without going into the data.
      if (error instanceof RangeError) return "its schema has no end"
      throw error
    }
  }
  return {
    ok: true,
    check(data) {
      const fits = fit(data)
      if (typeof fits === "string") return [{ path: "", message: `cannot be checked: ${fits}` }]
      if (fits) return []
      return (validate.errors ?? []).map((issue) => ({
        path: issue.instancePath,
        message: issue.message ?? issue.keyword,
      }))
    },
  }
}

/** References may double what is to do with each of them; uniqueItems compares each with each. */
function isLight(schema: JsonObject): boolean {
  const text = JSON.stringify(schema)
  return text.length <= SCHEMA_LIGHT_LENGTH_MAX && !/"(?:\$ref|\$dynamicRef|\$recursiveRef|uniqueItems)"/.test(text)
}
