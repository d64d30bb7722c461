import assert from "node:assert/strict"
import fc from "fast-check"
import type { Address } from "../../../../agent/base/address.ts"
import { accountAt } from "../../../../agent/core/ledger/state/records.ts"
import type { Body, BodyKind } from "../../../../agent/core/ledger/transaction/body.ts"
import type { ReadTransaction } from "../../../../agent/core/ledger/transaction/transaction.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { addressFor, Chain, genesisOf, hashOf, HOUR, keyOf } from "../../../support/ledger/chain.ts"
import { evidence } from "../../../support/ledger/evidence.ts"
import { scaled } from "../../../support/scale.ts"

const NAMES = ["alice", "bob", "carol", "dave", "erin"] as const
const name = fc.constantFrom(...NAMES)
const who = name.map(addressFor)
const amount = fc.oneof(fc.bigInt({ min: 0n, max: 400n }), fc.constantFrom(1n, 100n, 50n, 30n, 5_000n))
const manifest = fc.constantFrom(hashOf("a"), hashOf("b"))
const lot = { validator: who, lot: fc.nat(8) }

interface Act {
  readonly from: string
  readonly body: Body
  readonly payer: string
}

const bodies: { readonly [Kind in Exclude<BodyKind, "change-set">]: fc.Arbitrary<object> } = {
  transfer: fc.record({ to: who, amount }),
  bond: fc.record({ key: name.map((one) => keyOf(`consensus ${one}`)), amount }),
  delegate: fc.record({ validator: who, amount }),
  unbond: fc.record({ ...lot, amount }),
  claim: fc.record(lot),
  unjail: fc.record({}),
  rotate: fc.record({ key: name.map((one) => keyOf(`another of ${one}`)) }),
  report: fc.record({ validator: who, first: fc.record({ height: fc.nat(3) }) }),
  "publish-service": fc.record({ manifest, price: amount, deposit: amount }),
  "retire-service": fc.record({ manifest }),
  announce: fc.record({ manifest, bond: amount, until: fc.nat(5 * HOUR) }),
  withdraw: fc.record({ manifest }),
  "publish-application": fc.record({ application: manifest, deposit: amount }),
  "retire-application": fc.record({ application: manifest }),
}
const body = fc.oneof(
  ...Object.entries(bodies).map(([kind, fields]) => ({
    // One report ends a validator for ever; the others are to have a long life first.
    weight: kind === "report" ? 1 : 6,
    arbitrary: fields.map(
      (one) =>
        ({
          kind,
          ...one,
          ...(kind === "bond" || kind === "rotate" ? { proof: "00".repeat(64) } : {}),
        }) as unknown as Body,
    ),
  })),
)
const act: fc.Arbitrary<Act> = fc.record({ from: name, body, payer: name })
const block = fc.record({
  acts: fc.array(act, { maxLength: 6 }),
  waitMs: fc.oneof(fc.nat(HOUR / 2), fc.nat(4 * HOUR), fc.constant(11 * HOUR)),
  absent: fc.oneof(fc.constant([]), fc.constant(["bob"]), fc.subarray([...NAMES])),
})

const begin = () =>
  new Chain(
    genesisOf({}, Object.fromEntries(NAMES.map((one) => [one, 5_000n])), { alice: 900n, bob: 700n, carol: 500n }),
  )

describe("a chain, whatever is done on it", function () {
  this.timeout(1_200_000)

  it("keeps every token and every count, block after block", () => {
    const done = new Map<string, number>()
    fc.assert(
      fc.property(fc.array(block, { minLength: 10, maxLength: 40 }), (blocks) => {
        const chain = begin()
        for (const { acts, waitMs, absent } of blocks) {
          const time = chain.time + waitMs
          const { transactions, kinds } = transactionsOf(chain, acts, time)
          const { receipts } = chain.block(transactions, time, absent)
          for (const [i, { failure }] of receipts.entries()) {
            if (failure === null) done.set(kinds[i]!, (done.get(kinds[i]!) ?? 0) + 1)
          }
          audit(chain)
        }
        chain.waitUntil(chain.time + 40 * HOUR)
        audit(chain)
      }),
      { numRuns: scaled(30, 300), seed: 5 },
    )
    for (const kind of Object.keys(bodies)) assert.ok((done.get(kind) ?? 0) > 0, `no ${kind} succeeded`)
  })

  it("is the same in whatever order transactions that touch nothing in common are applied", () => {
    let groups = 0
    fc.assert(
      fc.property(
        fc.array(block, { maxLength: 8 }),
        fc.array(act, { minLength: 5, maxLength: 15 }),
        fc.nat(),
        (blocks, acts, turn) => {
          const chain = begin()
          for (const { acts: before, waitMs } of blocks) {
            const time = chain.time + waitMs
            chain.block(transactionsOf(chain, before, time).transactions, time)
          }
          const firsts = acts.filter(({ from }, i) => acts.findIndex((one) => one.from === from) === i)
          const group = apart(transactionsOf(chain, firsts, chain.time).transactions)
          if (group.length > 1) groups++
          const turned = [...group.slice(turn % group.length), ...group.slice(0, turn % group.length)].reverse()
          const [one, other] = [chain.try(group), chain.try(turned)]
          assert.ok(one.ok && other.ok)
          assert.equal(one.appHash.toHex(), other.appHash.toHex())
          const byId = (receipts: typeof one.receipts) => receipts.toSorted((a, b) => (a.id < b.id ? -1 : 1))
          assert.deepEqual(byId(one.receipts), byId(other.receipts))
        },
      ),
      { numRuns: scaled(100, 1_000), seed: 6 },
    )
    assert.ok(groups > 20, `${groups} groups of more than one`)
  })
})

/** Those of the acts that can be in a block, each with the next nonce of its sender; times from now on. */
function transactionsOf(chain: Chain, acts: readonly Act[], time: number) {
  const transactions: ReadTransaction[] = []
  const kinds: BodyKind[] = []
  for (const { from, body: drawn, payer } of acts) {
    const body = settled(chain, from, drawn, time)
    const used = transactions.filter(({ sender }) => sender === addressFor(from)).length
    const nonce = (chain.get(accountAt(addressFor(from)))?.nonce ?? 0) + used
    const one = chain.transaction(from, body, { nonce, payer: payer === from ? null : keyOf(payer) })
    if (!chain.try([...transactions, one], time).ok) continue
    transactions.push(one)
    kinds.push(body.kind)
  }
  return { transactions, kinds }
}

/** What was drawn, as it can mean something here: a time from now on, and a lot that is there. */
function settled(chain: Chain, from: string, body: Body, time: number): Body {
  if (body.kind === "announce") return { ...body, until: time + body.until }
  if (body.kind === "report") return evidence(chain, body.validator, chain.height - body.first.height)
  if (body.kind !== "unbond" && body.kind !== "claim") return body
  const own = [...chain.records.keys()].filter((one) => one.startsWith("lot/") && one.includes(`/${addressFor(from)}/`))
  const chosen = own[body.lot % own.length]?.split("/")
  return chosen === undefined ? body : { ...body, validator: chosen[1] as Address, lot: Number(chosen[3]) }
}

/** As many of them, from the front, as touch no record that another one does. */
function apart(transactions: readonly ReadTransaction[]): readonly ReadTransaction[] {
  const taken = new Set<string>()
  return transactions.filter(({ unsigned, sender, payer }) => {
    const touched = [...unsigned.touches, accountAt(sender).name, accountAt(payer).name]
    if (touched.some((one) => taken.has(one))) return false
    for (const one of touched) taken.add(one)
    return true
  })
}
