import * as v from "valibot"
import { ApiError } from "../errors.ts"
import type { OperationSchemas } from "../operations/schemas/common.ts"
import type { Operation } from "../operations/operation.ts"
import type { Json } from "../../schema/json.ts"
import { wantedOf } from "../../schema/wanted.ts"

/** The parts of a request before they are checked. */
export interface RawInput {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: Json | undefined
}

/**
 * Checks the parts of a request against the operation's schemas; what it does not know is refused too.
 * @throws ApiError INPUT_INVALID with every reason, BODY_MISSING, BODY_UNEXPECTED
 */
export function checkInput(operation: Operation, schemas: OperationSchemas, raw: RawInput) {
  if (schemas.body === undefined && raw.body !== undefined) {
    throw new ApiError({ code: "BODY_UNEXPECTED" }, `${operation.method} ${operation.path} takes no body`, {
      remedy: "leave the body away",
    })
  }
  if (schemas.body !== undefined && raw.body === undefined && !v.is(schemas.body, undefined)) {
    throw new ApiError({ code: "BODY_MISSING" }, `${operation.method} ${operation.path} needs a JSON body`, {
      remedy: "send an object with `Content-Type: application/json`; /api/v1/openapi.json has its schema",
    })
  }
  // To valibot an array is an object too.
  if (Array.isArray(raw.body)) throw invalid([{ pointer: "/body", message: "must be an object" }])
  const errors: { pointer: string; message: string }[] = []
  const part = (name: "params" | "query" | "body") => {
    const schema = schemas[name] ?? (name === "body" ? v.undefined() : v.strictObject({}))
    const result = v.safeParse(schema, raw[name])
    if (!result.success) errors.push(...result.issues.slice(0, 20).map((issue) => reason(name, issue)))
    return result.output
  }
  const input = { params: part("params"), query: part("query"), body: part("body") }
  if (errors.length > 0) throw invalid(errors)
  return input
}

function invalid(errors: readonly { pointer: string; message: string }[]): ApiError {
  const [first] = errors
  return new ApiError({ code: "INPUT_INVALID", errors }, `${first!.pointer}: ${first!.message}`, {
    remedy: "see /api/v1/openapi.json for what this takes",
  })
}

function inWords(issue: v.BaseIssue<unknown>): string {
  const wanted = wantedOf(issue)
  if (wanted === null) return issue.message
  return issue.input === undefined ? "is missing" : `must be ${wanted}`
}

function reason(name: string, issue: v.BaseIssue<unknown>): { pointer: string; message: string } {
  const path = (issue.path ?? []).map((step) => String(step.key).replaceAll("~", "~0").replaceAll("/", "~1"))
  const unknown = issue.type === "strict_object" && issue.expected === "never"
  return { pointer: `/${[name, ...path].join("/")}`, message: unknown ? "is not known here" : inWords(issue) }
}
