import type { ExecutionId } from "../../agent/base/ids.ts"
import { stepsOf } from "../../agent/engine/executions/journal.ts"
import { readEnded } from "../../agent/engine/executions/records.ts"
import { type OpenExecution, OpenLog } from "../../agent/engine/executions/open-log.ts"
import type { StepRecord } from "../../agent/engine/executions/step-text.ts"
import type { Store } from "../../agent/ports/store.ts"
import { TABLE } from "../../agent/schema/tables.ts"

/** The executions that have not ended, as a start would find them. */
export function openExecutions(store: Store): OpenExecution[] {
  return [...new OpenLog().load(store)].filter(({ id }) => store.get(TABLE.finished, [id]) === undefined)
}

/** What the store has of an execution, ended or not; oldest first. */
export function storedSteps(store: Store, id: ExecutionId): StepRecord[] {
  const record = store.get(TABLE.finished, [id])
  if (record !== undefined) return [...stepsOf(store, id, readEnded(record))]
  const open = openExecutions(store).find((one) => one.id === id)
  return open === undefined ? [] : [...stepsOf(store, id, open)]
}
