import * as v from "valibot"
import { HexSchema } from "./names.ts"

/** `backup.json`, the first thing that is read of a backup. The others: docs/spec/store.md#backup. */
export const BackupHeadSchema = v.object({
  v: v.literal(1),
  /** Of the agent that made it. */
  version: v.string(),
  /** The node's public key. */
  node: v.pipe(HexSchema, v.length(64)),
  made: v.pipe(v.string(), v.isoTimestamp()),
  /** Whether `keys.sealed` is there. */
  keys: v.boolean(),
  /** Nodes of Node-RED that have credentials, in words. */
  nodesWithCredentials: v.optional(v.array(v.string()), []),
})
export type BackupHead = v.InferOutput<typeof BackupHeadSchema>
