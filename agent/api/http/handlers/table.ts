import type { OperationId } from "../../operations/table.ts"
import type { Handlers } from "../handler.ts"
import { ACCOUNT_HANDLERS } from "./accounts.ts"
import { APPLICATION_HANDLERS } from "./applications.ts"
import { EXECUTION_HANDLERS } from "./executions.ts"
import { NETWORK_HANDLERS } from "./network.ts"
import { SERVICE_HANDLERS } from "./services.ts"
import { SYSTEM_HANDLERS } from "./system.ts"

/** What carries out each operation. */
export const HANDLERS: Handlers<OperationId> = {
  ...SYSTEM_HANDLERS,
  ...SERVICE_HANDLERS,
  ...APPLICATION_HANDLERS,
  ...EXECUTION_HANDLERS,
  ...NETWORK_HANDLERS,
  ...ACCOUNT_HANDLERS,
}
