import type { ExecutionFilter } from "../../../engine/core.ts"
import { pageView } from "../views.ts"
import type { Handlers } from "../handler.ts"
import { pagingOf } from "./paging.ts"

export const EXECUTION_HANDLERS: Handlers<
  "execution.list" | "execution.show" | "execution.cancel" | "execution.retry"
> = {
  "execution.list": ({ core }, { query }) => {
    const filter: ExecutionFilter = {
      ...pagingOf(query),
      ...(query.app === undefined ? {} : { app: query.app }),
      ...(query.status === undefined ? {} : { status: query.status }),
      ...(query.since === undefined ? {} : { sinceMs: Date.parse(query.since) }),
    }
    return pageView(core.executions.list(filter), (execution) => execution)
  },
  "execution.show": ({ core }, { params }) => core.executions.show(params.id),
  "execution.cancel": ({ core }, { params }) => core.executions.cancel(params.id),
  "execution.retry": ({ core }, { params }) => core.executions.retry(params.id),
}
