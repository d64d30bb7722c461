import * as v from "valibot"
import { AMOUNT_MAX } from "../../../base/amount.ts"
import { type Address, readAddress } from "../../../base/address.ts"
import type { Hash, PublicKey, Signature } from "../../../engine/ledger/wallet/wish.ts"
import { AmountSchema, HexSchema, KeySchema } from "../../../schema/names.ts"

/* What operations about the chain have in common. */

export const CountSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const HashSchema = v.pipe(HexSchema, v.length(64))

/** `mesg1…`, as people see it. */
export const AddressSchema = v.pipe(
  v.string(),
  v.check(
    (text) => readAddress(text) !== null,
    "an address is mesg1 and 38 letters and digits, of which the last check the others",
  ),
  v.transform((text) => readAddress(text) as Address),
)
/** Base units, as digits. */
export const TokensSchema = v.pipe(
  AmountSchema,
  // Where they are no digits that was said already: checks go on after one that failed.
  v.check((text) => !/^\d+$/.test(text) || BigInt(text) <= AMOUNT_MAX, "an amount is at most 2^96-1"),
  v.transform((text) => BigInt(text)),
)

const hex = (bytes: number) => v.pipe(HexSchema, v.length(2 * bytes))
export const LedgerHashSchema = v.pipe(
  hex(32),
  v.transform((text) => text as Hash),
)
export const PublicKeySchema = v.pipe(
  hex(32),
  v.transform((text) => text as string as PublicKey),
)
export const SignatureSchema = v.pipe(
  hex(64),
  v.transform((text) => text as string as Signature),
)

/** What an account of this home is called. */
export const AccountNameSchema = KeySchema
export const DEFAULT_ACCOUNT = "main"
export const OwnAccountSchema = v.optional(AccountNameSchema, DEFAULT_ACCOUNT)
