import { decode, encode, type Layout } from "../../../agent/core/ledger/layout.ts"
import {
  absentAt,
  accountAt,
  announcementAt,
  applicationAt,
  begunAt,
  committeeAt,
  dueAt,
  epochAt,
  keyAt,
  lotAt,
  markAt,
  memberAt,
  parametersAt,
  type Place,
  rankAt,
  serviceAt,
  setNumberAt,
  slashAt,
  totalsAt,
  validatorAt,
} from "../../../agent/core/ledger/state/records.ts"
import { addressFor, Chain, genesisOf, hashOf } from "../../support/ledger/chain.ts"
import type { Fuzzed } from "../../support/fuzzed.ts"

const [alice, bob, hash] = [addressFor("alice"), addressFor("bob"), hashOf("a")]

/** A chain whose state holds something of nearly everything. */
export function busyChain(): Chain {
  const chain = new Chain(genesisOf({}, { bob: 500n, carol: 70_000n }, { alice: 1_000n, bob: 300n }))
  chain.send("bob", { kind: "delegate", validator: alice, amount: 20n })
  chain.send("carol", { kind: "publish-service", manifest: hash, price: 1n, deposit: 60n })
  chain.send("carol", { kind: "publish-application", application: hash, deposit: 60n })
  chain.send("bob", { kind: "announce", manifest: hash, bond: 30n, until: 5 })
  chain.block([chain.transaction("bob", { kind: "transfer", to: alice, amount: 1n })], 1, [alice])
  return chain
}

function recordOf<Value>(kind: string, { name, layout }: Place<Value>, values: readonly Value[], chain: Chain): Fuzzed {
  const kept = chain.record(name)
  return {
    name: `a record of ${kind}`,
    seeds: [...(kept === null ? [] : [kept]), ...values.map((value) => encode(layout, value))],
    read: (bytes) => decode(layout, bytes),
    write: (value) => encode(layout as Layout<unknown>, value),
  }
}

/** Every kind of record of the state. */
export function records(): readonly Fuzzed[] {
  const chain = busyChain()
  const index = 3n ** 100n
  return [
    recordOf("chain/parameters", parametersAt, [], chain),
    recordOf("chain/totals", totalsAt, [], chain),
    recordOf("chain/epoch", epochAt, [], chain),
    recordOf(
      "chain/absent",
      absentAt,
      [
        [],
        [
          { account: alice, since: 4 },
          { account: bob, since: 2 ** 41 },
        ],
      ],
      chain,
    ),
    recordOf("chain/set", setNumberAt, [7], chain),
    recordOf("account", accountAt(bob), [{ nonce: 2 ** 40, balance: 2n ** 90n, records: 3, busyUntil: 77 }], chain),
    recordOf("member", memberAt(bob), [{}], chain),
    recordOf("validator", validatorAt(alice), [], chain),
    recordOf("key", keyAt(bob), [alice], chain),
    recordOf("lot", lotAt(alice, bob, 0), [{ tokens: 5n, from: 1, index, until: 9, end: null }], chain),
    recordOf("mark", markAt(alice, 1), [{ reached: { index, time: 5 }, lots: 2 }], chain),
    recordOf("rank", rankAt(1_000n, alice), [{}], chain),
    recordOf("committee", committeeAt(0), [], chain),
    recordOf("begun", begunAt(0), [5], chain),
    recordOf("slash", slashAt(alice), [{ epoch: 4, reporter: bob, after: "lot/a" }], chain),
    recordOf("service", serviceAt(hash), [], chain),
    recordOf("announcement", announcementAt(hash, bob), [], chain),
    recordOf("application", applicationAt(hash), [], chain),
    recordOf("due", dueAt(5, "account/a"), [{}], chain),
  ]
}
