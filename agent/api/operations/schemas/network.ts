import * as v from "valibot"
import { HTTP_BODY_BYTES_MAX } from "../../../base/limits.ts"
import { AmountSchema, HexSchema } from "../../../schema/names.ts"
import { type OperationSchemas, pageOf, pagingBy, TimeSchema } from "./common.ts"

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const Hash = v.pipe(HexSchema, v.length(64))

export const NetworkStatusSchema = v.object({
  addresses: v.array(v.string()),
  peers: v.array(v.string()),
  key: Hash,
  chain: v.nullable(v.object({ id: Hash, height: Count, waiting: Count, asksPeers: v.boolean() })),
  halted: v.nullable(v.string()),
})

const Address = v.pipe(HexSchema, v.length(40))
const BlockSchema = v.object({
  height: Count,
  id: Hash,
  time: TimeSchema,
  transactions: Count,
  proposer: Address,
  round: Count,
  votes: Count,
})
const ValidatorSchema = v.object({
  account: Address,
  key: Hash,
  address: Address,
  power: AmountSchema,
  proposes: v.boolean(),
})
const HeightPlace = v.pipe(v.string(), v.regex(/^[1-9]\d{0,14}$/))

export const NETWORK_SCHEMAS = {
  "network.status": { output: NetworkStatusSchema },
  "network.blocks": { query: v.strictObject(pagingBy(HeightPlace)), output: pageOf(BlockSchema) },
  "network.validators": { output: pageOf(ValidatorSchema) },
  "network.join": {
    body: v.strictObject({ genesis: v.pipe(HexSchema, v.maxLength(HTTP_BODY_BYTES_MAX)) }),
    output: v.object({ chain: Hash }),
  },
} as const satisfies Record<string, OperationSchemas>
