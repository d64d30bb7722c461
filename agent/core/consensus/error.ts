import { MesgError } from "../../base/errors.ts"

/** What only a bug of the caller brings: consensus must halt rather than go on with it. */
export class ConsensusError extends MesgError<{ readonly code: "VALIDATORS_INVALID" }> {}
