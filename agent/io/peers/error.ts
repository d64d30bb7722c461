import { MesgError } from "../../base/errors.ts"

/** Why there is no way to other Cores. */
export class PeersError extends MesgError<
  | { readonly code: "PEERS_NOT_LISTENING"; readonly address: string }
  | { readonly code: "PEER_ADDRESS_INVALID"; readonly address: string }
> {}
