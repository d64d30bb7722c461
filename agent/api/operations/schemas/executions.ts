import * as v from "valibot"
import { EXECUTION_STATUSES, ExecutionViewSchema, TransitionViewSchema } from "../../../schema/execution.ts"
import { ExecutionIdSchema, ExecutionOwnerSchema, ExecutionReferenceSchema } from "../../../schema/names.ts"
import { type OperationSchemas, pagingBy, pageOf, TimeSchema } from "./common.ts"

const Params = v.strictObject({ id: ExecutionReferenceSchema })

export const EXECUTION_SCHEMAS = {
  "execution.list": {
    query: v.strictObject({
      app: v.optional(ExecutionOwnerSchema),
      status: v.optional(v.picklist(EXECUTION_STATUSES)),
      since: v.optional(TimeSchema),
      ...pagingBy(ExecutionIdSchema),
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
