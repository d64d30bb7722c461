import * as v from "valibot"
import { EXECUTION_STATUSES, ExecutionViewSchema, TransitionViewSchema } from "../../../schema/execution.ts"
import { ApplicationNameSchema, ExecutionIdSchema } from "../../../schema/names.ts"
import { type OperationSchemas, PAGING, pageOf, TimeSchema } from "./common.ts"

const Params = v.strictObject({ id: ExecutionIdSchema })

export const EXECUTION_SCHEMAS = {
  "execution.list": {
    query: v.strictObject({
      app: v.optional(ApplicationNameSchema),
      status: v.optional(v.picklist(EXECUTION_STATUSES)),
      since: v.optional(TimeSchema),
      ...PAGING,
    }),
    output: pageOf(ExecutionViewSchema),
  },
  "execution.show": {
    params: Params,
    output: v.object({ ...ExecutionViewSchema.entries, transitions: v.array(TransitionViewSchema) }),
  },
  "execution.cancel": { params: Params, output: ExecutionViewSchema },
  "execution.retry": { params: Params, output: ExecutionViewSchema },
} as const satisfies Record<string, OperationSchemas>
