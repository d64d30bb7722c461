import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Transaction } from "../../../agent/core/ledger/transaction/transaction.ts"

export const GOLDEN_TRANSACTIONS = join(import.meta.dirname, "../../golden/ledger/transactions.jsonl")

export interface GoldenTransaction {
  readonly id: string
  readonly bytes: string
  readonly transaction: Transaction
}

/** Amounts stand there as `5n`. */
export function goldenTransactions(): readonly GoldenTransaction[] {
  if (!existsSync(GOLDEN_TRANSACTIONS)) return []
  const lines = readFileSync(GOLDEN_TRANSACTIONS, "utf8").trimEnd().split("\n")
  const amounts = (_: string, value: unknown) =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value
  return lines.map((line) => JSON.parse(line, amounts) as GoldenTransaction)
}
