/**
 * All that was ever minted on a chain is at most this, in base units: so no sum of amounts that exist can be more.
 * docs/spec/ledger.md#terms
 */
export const AMOUNT_MAX = 2n ** 96n - 1n
