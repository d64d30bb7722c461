import { isDeepStrictEqual } from "node:util"
import * as v from "valibot"
import { type Application, type ApplicationInput, ApplicationSchema } from "../../../../agent/schema/application.ts"

/** Whether the agent has this very application, which it keeps with its defaults. */
export function isSame(there: Application, drawn: ApplicationInput): boolean {
  const read = v.safeParse(ApplicationSchema, drawn)
  return read.success && isDeepStrictEqual(read.output, there)
}
