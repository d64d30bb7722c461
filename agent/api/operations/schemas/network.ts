import * as v from "valibot"
import { HTTP_BODY_BYTES_MAX } from "../../../base/limits.ts"
import { HexSchema } from "../../../schema/names.ts"
import type { OperationSchemas } from "./common.ts"

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const Hash = v.pipe(HexSchema, v.length(64))

export const NetworkStatusSchema = v.object({
  addresses: v.array(v.string()),
  peers: v.array(v.string()),
  key: Hash,
  chain: v.nullable(v.object({ id: Hash, height: Count, waiting: Count, asksPeers: v.boolean() })),
  halted: v.nullable(v.string()),
})

export const NETWORK_SCHEMAS = {
  "network.status": { output: NetworkStatusSchema },
  "network.join": {
    body: v.strictObject({ genesis: v.pipe(HexSchema, v.maxLength(HTTP_BODY_BYTES_MAX)) }),
    output: v.object({ chain: Hash }),
  },
} as const satisfies Record<string, OperationSchemas>
