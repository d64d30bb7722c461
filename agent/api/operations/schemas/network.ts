import * as v from "valibot"
import { HTTP_BODY_BYTES_MAX } from "../../../base/limits.ts"
import { CHAIN_NAME_BYTES_MAX } from "../../../base/network-limits.ts"
import { AmountSchema, HexSchema } from "../../../schema/names.ts"
import { ApprovalSchema, SET_CHANGE } from "./accounts.ts"
import { CountSchema, HashSchema, LedgerHashSchema, OwnAccountSchema, TokensSchema } from "./chain.ts"
import { type OperationSchemas, pageOf, pagingBy, TimeSchema } from "./common.ts"

export const NetworkStatusSchema = v.object({
  addresses: v.array(v.string()),
  peers: v.array(v.string()),
  key: HashSchema,
  chain: v.nullable(
    v.object({
      id: HashSchema,
      height: CountSchema,
      waiting: CountSchema,
      asksPeers: v.boolean(),
      fetching: v.boolean(),
    }),
  ),
  halted: v.nullable(v.string()),
})

const BlockSchema = v.object({
  height: CountSchema,
  id: HashSchema,
  time: TimeSchema,
  transactions: CountSchema,
  proposer: v.string(),
  round: CountSchema,
  votes: CountSchema,
})
const ValidatorSchema = v.object({
  account: v.string(),
  key: HashSchema,
  address: v.string(),
  power: AmountSchema,
  proposes: v.boolean(),
})
const HeightPlace = v.pipe(v.string(), v.regex(/^[1-9]\d{0,14}$/))

/** A block that the owner has seen: what is joined is the chain with it. */
const CheckpointSchema = v.strictObject({ height: CountSchema, id: LedgerHashSchema })

export const NETWORK_SCHEMAS = {
  "network.status": { output: NetworkStatusSchema },
  "network.blocks": { query: v.strictObject(pagingBy(HeightPlace)), output: pageOf(BlockSchema) },
  "network.validators": { output: pageOf(ValidatorSchema) },
  "network.join": {
    body: v.strictObject({
      genesis: v.pipe(HexSchema, v.maxLength(HTTP_BODY_BYTES_MAX)),
      checkpoint: v.optional(CheckpointSchema),
    }),
    output: v.object({ chain: HashSchema }),
  },
  "network.init": {
    body: v.pipe(
      v.strictObject({
        name: v.pipe(v.string(), v.minLength(1), v.maxBytes(CHAIN_NAME_BYTES_MAX)),
        account: OwnAccountSchema,
        balance: v.optional(TokensSchema),
        stake: v.optional(TokensSchema),
      }),
      v.check(
        ({ balance, stake }) => (balance === undefined) === (stake === undefined),
        "balance and stake come together",
      ),
    ),
    output: v.object({ chain: HashSchema }),
  },
  "network.genesis": { output: v.object({ genesis: HexSchema, checkpoint: v.optional(CheckpointSchema) }) },
  "network.leave": { body: v.strictObject({ force: v.optional(v.boolean(), false) }) },
  "network.enrolment": {
    query: v.strictObject({ account: OwnAccountSchema }),
    output: v.object({ account: v.string(), key: HashSchema, proof: HexSchema }),
  },
  "network.approve": { body: v.strictObject(SET_CHANGE), output: ApprovalSchema },
} as const satisfies Record<string, OperationSchemas>
