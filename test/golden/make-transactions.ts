import { existsSync, readFileSync, writeFileSync } from "node:fs"
import fc from "fast-check"
import { encodeTransaction, transactionId } from "../../agent/core/ledger/transaction/transaction.ts"
import { GOLDEN_TRANSACTIONS, goldenTransactions } from "../support/ledger/golden-transactions.ts"
import { anyBody, anyTransaction } from "../support/ledger/random-transaction.ts"

/*
 * Records one transaction of each kind that has none yet: `node test/golden/make-transactions.ts`. One that is there is
 * never written again: it is signed and on a chain somewhere.
 */
const known = goldenTransactions()
const lines = existsSync(GOLDEN_TRANSACTIONS) ? [readFileSync(GOLDEN_TRANSACTIONS, "utf8").trimEnd()] : []
for (const [kind, body] of Object.entries(anyBody)) {
  if (known.some(({ transaction }) => transaction.unsigned.body.kind === kind)) continue
  const [transaction] = fc.sample(anyTransaction, 1)
  const [ofKind] = fc.sample(body, 1)
  const whole = { ...transaction!, unsigned: { ...transaction!.unsigned, body: ofKind! } }
  const [id, bytes] = [transactionId(whole.unsigned), encodeTransaction(whole).toHex()]
  lines.push(
    JSON.stringify({ id, bytes, transaction: whole }, (_, value: unknown) =>
      typeof value === "bigint" ? `${value}n` : value,
    ),
  )
  process.stdout.write(`recorded ${kind}\n`)
}
writeFileSync(GOLDEN_TRANSACTIONS, `${lines.join("\n")}\n`)
