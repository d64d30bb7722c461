import { ACCOUNT_OPERATIONS } from "./accounts.ts"
import { APPLICATION_OPERATIONS } from "./applications.ts"
import { EXECUTION_OPERATIONS } from "./executions.ts"
import { NETWORK_OPERATIONS } from "./network.ts"
import type { Operation } from "./operation.ts"
import { SERVICE_OPERATIONS } from "./services.ts"
import { SYSTEM_OPERATIONS } from "./system.ts"

const TABLE = [
  ...SYSTEM_OPERATIONS,
  ...SERVICE_OPERATIONS,
  ...APPLICATION_OPERATIONS,
  ...EXECUTION_OPERATIONS,
  ...NETWORK_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
] as const

export type OperationId = (typeof TABLE)[number]["id"]
export type TypedOperation = Operation & { readonly id: OperationId }

/** Everything the agent can be asked to do, in the order of the reference. */
export const OPERATIONS: readonly TypedOperation[] = TABLE
