import type { Address } from "../../../agent/base/address.ts"
import { begunAt, committeeAt } from "../../../agent/core/ledger/state/records.ts"
import type { Signature } from "../../../agent/core/ledger/terms.ts"
import type { BodyOf } from "../../../agent/core/ledger/transaction/body.ts"
import { type Chain, hashOf, keyOf } from "./chain.ts"

const signature = "00".repeat(64) as Signature

/** Two precommits of a validator at a height, with where the state says that it was one then. */
export function evidence(chain: Chain, validator: Address, height: number): BodyOf<"report"> {
  const last = (kind: string, from: (number: number) => number) => {
    const names = [...chain.records.keys()].filter((name) => name.startsWith(`${kind}/`))
    const numbers = names.map((name) => Number(name.split("/")[1]))
    return Math.max(0, ...numbers.filter((number) => from(number) <= height))
  }
  const committee = last("committee", (number) => chain.get(committeeAt(number))!.from)
  const epoch = last("begun", (number) => chain.get(begunAt(number))!)
  const member = chain.get(committeeAt(committee))?.members.find(({ account }) => account === validator)
  const vote = { type: 1, height: Math.max(height, 0), round: 0, time: 0, signature }
  return {
    kind: "report",
    validator,
    key: member?.key ?? keyOf("nobody"),
    epoch,
    committee,
    first: { ...vote, value: hashOf("this") },
    second: { ...vote, value: hashOf("that") },
  }
}
