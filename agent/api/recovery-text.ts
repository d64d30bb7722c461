import type { StoreRecovery } from "../ports/store.ts"

/** A recovery of the store, told to its owner: what happened when, what is lost, and where the damaged file is. */
export function recoveryText({ foundMs, reason, quarantined, copyMs }: StoreRecovery): string {
  const found = new Date(foundMs).toISOString()
  const lost =
    copyMs === null
      ? "there was no good copy: it starts empty, everything before is lost"
      : `it is as it was at ${new Date(copyMs).toISOString()}, what came between is lost`
  const kept = quarantined === null ? "" : `; the damaged file is ${quarantined}`
  return `damaged when the agent started at ${found} (${reason}): ${lost}${kept}`
}
