import { MesgError } from "../../base/errors.ts"

/** Why something that was asked of the chain, or of the accounts of this home, is not done. */
export class NetworkError extends MesgError<
  | { readonly code: "ACCOUNT_NOT_FOUND" | "ACCOUNT_EXISTS" | "ACCOUNT_LOST"; readonly account: string }
  | {
      readonly code:
        | "CHAIN_NOT_JOINED"
        | "STATE_INCOMPLETE"
        | "CHAIN_NOT_ENROLLED"
        | "NOT_A_VALIDATOR"
        | "VALIDATOR_LEAVES"
    }
  | { readonly code: "TRANSACTION_REFUSED"; readonly reason: string }
  | { readonly code: "TRANSACTION_NOT_FOUND"; readonly transaction: string }
> {}

export function notJoined(): NetworkError {
  return new NetworkError({ code: "CHAIN_NOT_JOINED" }, "this home is on no chain", {
    remedy: "begin one with mesg network init NAME, or join one with mesg network join @genesis.json",
  })
}

export function incomplete(): NetworkError {
  return new NetworkError({ code: "STATE_INCOMPLETE" }, "the state of the chain is being fetched from others", {
    remedy: "try again when it is here: mesg network status",
  })
}
