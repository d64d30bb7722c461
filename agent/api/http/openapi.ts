import { toJsonSchema } from "@valibot/to-json-schema"
import type * as v from "valibot"
import type { OperationSchemas } from "../operations/schemas/common.ts"
import { SCHEMAS } from "../operations/schemas/table.ts"
import { OPERATIONS, type TypedOperation } from "../operations/table.ts"
import { PROBLEM_MEDIA_TYPE, statusOfCode } from "./problem.ts"

/** Refusals that every route with a token shares. */
const SHARED_PROBLEMS = ["UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "HOST_NOT_ALLOWED"]

let made: { version: string; document: OpenApiDocument } | undefined

export interface OpenApiDocument {
  readonly openapi: string
  readonly [part: string]: unknown
}

/** The API as OpenAPI 3.1, made from the table of operations. @param version of the agent */
export function openApiDocument(version: string): OpenApiDocument {
  if (made?.version !== version) made = { version, document: makeDocument(version) }
  return made.document
}

function makeDocument(version: string): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of OPERATIONS) {
    const path = (paths[operation.path] ??= {})
    path[operation.method.toLowerCase()] = describeOperation(operation, SCHEMAS[operation.id])
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "MESG Edge",
      version,
      description: "The API of one gateway. Errors are RFC 9457 problem details with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:6374" }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  }
}

function describeOperation(operation: TypedOperation, schemas: OperationSchemas) {
  const area = operation.id.split(".", 1)[0]!
  return {
    operationId: operation.id,
    summary: operation.summary,
    tags: [area],
    security: operation.scope === "none" ? [] : [{ token: [] }],
    ...(operation.scope === "none" ? {} : { "x-scope": operation.scope }),
    parameters: [
      ...parameters("path", schemas.params),
      ...parameters("query", schemas.query),
      ...headerParameters(operation),
    ],
    ...(schemas.body === undefined ? {} : { requestBody: requestBody(schemas.body) }),
    responses: { ...successes(operation, schemas), ...refusals(operation, schemas) },
  }
}

function jsonSchema(schema: v.GenericSchema, typeMode: "input" | "output"): Record<string, unknown> {
  // What valibot checks by code has no JSON Schema: the document then says less, never something wrong.
  const { $schema: _, ...rest } = toJsonSchema(schema, { target: "draft-2020-12", typeMode, errorMode: "ignore" })
  return rest
}

function parameters(place: "path" | "query", schema: v.GenericSchema | undefined) {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = jsonSchema(schema, "input") as {
    properties?: Record<string, unknown>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => {
    return { name, in: place, required: place === "path" || required.includes(name), schema: property }
  })
}

function headerParameters(operation: TypedOperation) {
  const header = (name: string, description: string) => {
    return { name, in: "header", required: false, description, schema: { type: "string" } }
  }
  return [
    ...(operation.idempotency === undefined
      ? []
      : [header("Idempotency-Key", "the same request with the same key is done once; kept for 24 hours")]),
    ...(operation.alternative === undefined
      ? []
      : [header("Prefer", "`wait=10`: answer when it ended, or after 10 s")]),
    ...(operation.media === "text/event-stream"
      ? [header("Last-Event-ID", "go on after this event; `reset` says that it is no longer held")]
      : []),
  ]
}

function requestBody(schema: v.GenericSchema) {
  return {
    required: schema.type !== "optional",
    content: { "application/json": { schema: jsonSchema(schema, "input") } },
  }
}

function successes(operation: TypedOperation, { output }: OperationSchemas): Record<string, unknown> {
  const json = output === undefined ? {} : { "application/json": { schema: jsonSchema(output, "input") } }
  const other = operation.media === undefined ? {} : { [operation.media]: { schema: { type: "string" } } }
  const content = { ...json, ...other }
  const answer = (description: string) => {
    return Object.keys(content).length === 0 ? { description } : { description, content }
  }
  const { alternative } = operation
  return {
    [operation.status]: answer(operation.summary),
    ...(alternative === undefined ? {} : { [alternative.status]: answer(`where ${alternative.when}`) }),
  }
}

function refusals(operation: TypedOperation, schemas: OperationSchemas): Record<string, unknown> {
  const codes = [...(operation.scope === "none" ? ["HOST_NOT_ALLOWED"] : SHARED_PROBLEMS), ...operation.problems]
  if (schemas.params !== undefined || schemas.query !== undefined || schemas.body !== undefined) {
    codes.push("INPUT_INVALID")
  }
  if (schemas.body !== undefined)
    codes.push("BODY_NOT_JSON", "BODY_VALUE_INVALID", "BODY_TOO_LARGE", "CONTENT_TYPE_UNSUPPORTED")
  const byStatus = Map.groupBy(new Set(codes), statusOfCode)
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.join(", "),
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  )
}

const PROBLEM_SCHEMA = {
  type: "object",
  required: ["type", "title", "status", "detail", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", description: "stable; listed in docs/reference/errors.md" },
    remedy: { type: "string", description: "what to do" },
  },
}
