import type { Branded } from "../../base/ids.ts"

/*
 * What the ledger speaks of, as types. Bytes of fixed length are lower-case hex, so that they are compared, sorted and
 * used as names as they stand. See docs/spec/ledger.md#terms.
 */

/** 32 bytes of an Ed25519 key. */
export type PublicKey = Branded<"PublicKey">
/** 64 bytes of an Ed25519 signature. */
export type Signature = Branded<"Signature">
/** 32 bytes of a SHA-256. */
export type Hash = Branded<"Hash">
/** The hash of a transaction without its signatures. */
export type TransactionId = Branded<"TransactionId">
/** The hash of a chain's genesis document. */
export type ChainId = Branded<"ChainId">

/** Base units, 0..AMOUNT_MAX: never a float, never negative. */
export type Amount = bigint

/** Header time: milliseconds since 1970, a safe integer. */
export type TimeMs = number
