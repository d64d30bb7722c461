import type * as v from "valibot"
import type { OperationId } from "../table.ts"
import { ACCOUNT_SCHEMAS } from "./accounts.ts"
import { APPLICATION_SCHEMAS } from "./applications.ts"
import type { OperationSchemas } from "./common.ts"
import { EXECUTION_SCHEMAS } from "./executions.ts"
import { NETWORK_SCHEMAS } from "./network.ts"
import { SERVICE_SCHEMAS } from "./services.ts"
import { SYSTEM_SCHEMAS } from "./system.ts"

/** What each operation takes and gives. */
export const SCHEMAS = {
  ...SYSTEM_SCHEMAS,
  ...SERVICE_SCHEMAS,
  ...APPLICATION_SCHEMAS,
  ...EXECUTION_SCHEMAS,
  ...NETWORK_SCHEMAS,
  ...ACCOUNT_SCHEMAS,
} as const satisfies Record<OperationId, OperationSchemas>

type Part<Id extends OperationId, Name extends "params" | "query" | "body"> =
  (typeof SCHEMAS)[Id] extends Record<Name, infer Schema extends v.GenericSchema> ? v.InferOutput<Schema> : undefined

/** The checked input of an operation. */
export interface InputOf<Id extends OperationId> {
  readonly params: Part<Id, "params">
  readonly query: Part<Id, "query">
  readonly body: Part<Id, "body">
}

/** The JSON that answers it; undefined where the answer has no body. */
export type OutputOf<Id extends OperationId> =
  (typeof SCHEMAS)[Id] extends Record<"output", infer Schema extends v.GenericSchema>
    ? DeepReadonly<v.InferInput<Schema>>
    : undefined

type DeepReadonly<Value> = Value extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: DeepReadonly<Value[Name]> }
    : Value
