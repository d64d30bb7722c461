import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import ajvFormats from "ajv-formats"
import type { JsonObject } from "./json.ts"

/** One reason why data breaks its schema. `path` is a JSON pointer into the data, "" for the whole. */
export interface DataIssue {
  readonly path: string
  readonly message: string
}

/** Checks data against one JSON Schema of a manifest. @returns the reasons, empty where it fits */
export type DataCheck = (data: unknown) => readonly DataIssue[]

let shared: Ajv2020 | undefined

// Made at the first use: an agent without services never pays for it. `secret` is the manifest's own keyword.
function ajv(): Ajv2020 {
  if (shared === undefined) {
    shared = new Ajv2020({
      strict: false,
      allErrors: false,
      validateFormats: true,
      addUsedSchema: false,
      messages: true,
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
  try {
    validate = ajv().compile(schema)
  } catch (error) {
    return { ok: false, message: (error as Error).message }
  }
  // Ajv keeps every compiled schema by object identity; manifests come and go.
  ajv().removeSchema(schema)
  return {
    ok: true,
    check: (data) =>
      validate(data)
        ? []
        : (validate.errors ?? []).map((issue) => ({
            path: issue.instancePath,
            message: issue.message ?? issue.keyword,
          })),
  }
}
