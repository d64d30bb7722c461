import * as v from "valibot"
import { SET_CHANGES_MAX, TRANSACTION_BYTES_MAX, VALIDATORS_MAX } from "../../../base/network-limits.ts"
import { AmountSchema, HexSchema } from "../../../schema/names.ts"
import {
  AccountNameSchema,
  AddressSchema,
  CountSchema,
  HashSchema,
  LedgerHashSchema,
  OwnAccountSchema,
  PublicKeySchema,
  SignatureSchema,
  TokensSchema,
} from "./chain.ts"
import { type OperationSchemas, pageOf, pagingBy, TimeSchema } from "./common.ts"

const SeedSchema = v.pipe(HexSchema, v.length(64))
const OwnSchema = v.object({
  name: v.string(),
  address: v.string(),
  key: HashSchema,
  /** Null where this home is on no chain. */
  balance: v.nullable(AmountSchema),
})
const AccountSchema = v.object({
  name: v.nullable(v.string()),
  address: v.string(),
  balance: AmountSchema,
  nonce: CountSchema,
  member: v.nullable(v.boolean()),
})
const LotSchema = v.object({
  validator: v.string(),
  lot: CountSchema,
  tokens: AmountSchema,
  /** The epochs in which it counts: from the first to before the last. */
  from: CountSchema,
  until: v.nullable(CountSchema),
})
const TransactionSchema = v.object({
  id: HashSchema,
  state: v.picklist(["waiting", "done", "failed"]),
  height: v.nullable(CountSchema),
  fee: v.nullable(AmountSchema),
  failure: v.nullable(v.string()),
})
const ServiceSchema = v.object({
  manifest: HashSchema,
  developer: v.string(),
  price: AmountSchema,
  deposit: AmountSchema,
  running: CountSchema,
  retired: v.boolean(),
})

const SENDING = {
  from: OwnAccountSchema,
  payer: v.optional(AccountNameSchema),
  feeLimit: v.optional(TokensSchema),
}
const wish = <const Kind extends string, const Fields extends v.ObjectEntries>(kind: Kind, fields: Fields) =>
  v.strictObject({ kind: v.literal(kind), ...SENDING, ...fields })

const lot = { validator: AddressSchema, lot: CountSchema }
const manifest = { manifest: LedgerHashSchema }

export const EnrolmentSchema = { account: AddressSchema, key: PublicKeySchema, proof: SignatureSchema }
export const SET_CHANGE = {
  validators: v.optional(
    v.pipe(v.array(v.strictObject({ ...EnrolmentSchema, power: CountSchema })), v.maxLength(SET_CHANGES_MAX)),
    [],
  ),
  members: v.optional(
    v.pipe(v.array(v.strictObject({ account: AddressSchema, isMember: v.boolean() })), v.maxLength(SET_CHANGES_MAX)),
    [],
  ),
}
export const ApprovalSchema = v.strictObject({ key: PublicKeySchema, signature: SignatureSchema })

const WishSchema = v.variant("kind", [
  wish("transfer", { to: AddressSchema, amount: TokensSchema }),
  wish("bond", { amount: TokensSchema }),
  wish("delegate", { validator: AddressSchema, amount: TokensSchema }),
  wish("unbond", { ...lot, amount: TokensSchema }),
  wish("claim", lot),
  wish("unjail", {}),
  wish("rotate", {}),
  wish("publish-service", { ...manifest, price: TokensSchema, deposit: TokensSchema }),
  wish("retire-service", manifest),
  wish("announce", {
    ...manifest,
    bond: TokensSchema,
    until: v.pipe(
      TimeSchema,
      v.transform((text) => Date.parse(text)),
    ),
  }),
  wish("withdraw", manifest),
  wish("publish-application", { application: LedgerHashSchema, deposit: TokensSchema }),
  wish("retire-application", { application: LedgerHashSchema }),
  wish("change-set", {
    ...SET_CHANGE,
    approvals: v.optional(v.pipe(v.array(ApprovalSchema), v.maxLength(VALIDATORS_MAX)), []),
  }),
])

const named = v.object({ account: v.pipe(v.string(), v.maxLength(128)) })

export const ACCOUNT_SCHEMAS = {
  "account.list": { output: pageOf(OwnSchema) },
  "account.show": { params: named, output: AccountSchema },
  "account.create": { body: v.strictObject({ name: AccountNameSchema }), output: OwnSchema },
  "account.import": { body: v.strictObject({ name: AccountNameSchema, seed: SeedSchema }), output: OwnSchema },
  "account.export": {
    params: v.object({ account: AccountNameSchema }),
    output: v.object({ name: v.string(), seed: SeedSchema }),
  },
  "account.stake": { params: named, output: pageOf(LotSchema) },
  "transaction.send": { body: WishSchema, output: TransactionSchema },
  "transaction.submit": {
    body: v.strictObject({ transaction: v.pipe(HexSchema, v.maxLength(2 * TRANSACTION_BYTES_MAX)) }),
    output: TransactionSchema,
  },
  "transaction.show": { params: v.object({ id: HashSchema }), output: TransactionSchema },
  "market.list": { query: v.strictObject(pagingBy(HashSchema)), output: pageOf(ServiceSchema) },
} as const satisfies Record<string, OperationSchemas>
