import { MesgError } from "../../../base/errors.ts"

/** Why a validator does not start or does not go on: nobody may guess what it signed. */
export class ValidatorError extends MesgError<
  | { readonly code: "SIGN_STATE_MISSING" | "SIGN_STATE_EXISTS" | "SIGN_STATE_DAMAGED"; readonly key: string }
  | { readonly code: "WAL_DAMAGED"; readonly at: number }
> {}
