import { MesgError } from "../../base/errors.ts"

/** What only damage or a bug brings: a chain must halt rather than go on with it. */
export class LedgerError extends MesgError<{ readonly code: "STATE_DAMAGED" }> {}

export function damaged(what: string): LedgerError {
  return new LedgerError({ code: "STATE_DAMAGED" }, `The state of the chain is damaged: ${what}.`, {
    remedy: "Take the state again from another Core: nothing of it can be mended here.",
  })
}
