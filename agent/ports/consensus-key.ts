import type { SigningKey } from "./signing-key.ts"

/** A validator's key. What it may sign is the signer's to say. */
export type ConsensusKey = SigningKey
