import type { CommandOption } from "./operation.ts"

/** The options of every list. */
export const PAGING_OPTIONS = [
  { flags: "--limit <count>", to: "query.limit", kind: "number", summary: "most items to show" },
  { flags: "--cursor <cursor>", to: "query.cursor", summary: "go on where an earlier list ended" },
] as const satisfies readonly CommandOption[]
