import { seededRandom } from "../../../agent/base/random.ts"
import { committeeAt, epochAt, lotAt } from "../../../agent/core/ledger/state/records.ts"
import type { ReadTransaction } from "../../../agent/core/ledger/transaction/transaction.ts"
import type { Body } from "../../../agent/core/ledger/transaction/body.ts"
import { addressFor, Chain, genesisOf, HOUR } from "../../support/ledger/chain.ts"
import { evidence } from "../../support/ledger/evidence.ts"

const VALIDATORS = ["alice", "bob", "carol"] as const
const OWNERS = ["dave", "erin"] as const
const BLOCKS = 120

/** What a ledger kept in header time, and what it did not. The same seed gives the same blocks. */
export function simulateLedger(seed: number): readonly string[] {
  const random = seededRandom(seed)
  const pick = <Of>(of: readonly Of[]): Of => of[random.below(of.length)]!
  const funds = Object.fromEntries([...VALIDATORS, ...OWNERS].map((name) => [name, 50_000n]))
  const chain = new Chain(genesisOf({}, funds, { alice: 900n, bob: 700n, carol: 500n }))
  const periods = new Periods(chain)
  for (let i = 0; i < BLOCKS && periods.broken.length === 0; i++) {
    // Idle for long, or many blocks within a second: what is counted in one is not right in the other.
    const laterMs = pick([1, 20, 1000, random.below(HOUR / 2), random.below(3 * HOUR), random.below(12 * HOUR)])
    const time = chain.time + laterMs
    const from = pick(OWNERS)
    const body = drawn(chain, from, random.below(10), pick)
    const one = body === null ? [] : [chain.transaction(from, body)]
    const fits = chain.try(one, time).ok ? one : []
    periods.block(chain, fits, time, () => chain.block(fits, time).receipts[0]?.failure ?? null)
  }
  return periods.broken
}

function drawn(chain: Chain, from: string, what: number, pick: <Of>(of: readonly Of[]) => Of): Body | null {
  const validator = addressFor(pick(VALIDATORS))
  if (what < 3) return { kind: "delegate", validator, amount: 20n }
  const lots = [...chain.records.keys()].filter((name) => name.startsWith(`lot/${validator}/${addressFor(from)}/`))
  if (what < 6 && lots.length > 0) {
    return { kind: "unbond", validator, lot: Number(pick(lots).split("/")[3]), amount: 20n }
  }
  return what < 8 ? null : { ...evidence(chain, validator, pick([chain.height, 1, 5, 30])), validator }
}

/** Reckons every period in header time, beside the ledger. */
class Periods {
  readonly broken: string[] = []
  /** When each epoch ended, by its number. */
  readonly #ended: number[] = []
  #ends: number
  /** When each block was, by its height. */
  readonly #times: number[] = [0]
  /** When lots began to leave. */
  readonly #leaving = new Map<string, number>()

  constructor(chain: Chain) {
    this.#ends = chain.genesis.time + chain.genesis.parameters.epochMs
  }

  block(chain: Chain, transactions: readonly ReadTransaction[], time: number, apply: () => string | null): void {
    const { epochMs, unbondingMs, evidenceMs } = chain.genesis.parameters
    const members = new Set(
      chain.get(committeeAt(chain.get(epochAt)!.committee))!.members.map(({ account }) => account),
    )
    const before = chain.get(epochAt)!.number
    const lots = lotsOf(chain)
    const failure = apply()
    this.#times[chain.height] = time
    this.#reported(transactions[0], failure, time, evidenceMs)
    const after = chain.get(epochAt)!
    const isOver = time >= this.#ends
    if (after.number !== before + (isOver ? 1 : 0)) this.#says(`epoch ${after.number} at ${time}, ends ${this.#ends}`)
    if (isOver) {
      this.#ended[before] = time
      this.#ends = time + epochMs
    }
    if (after.ends !== this.#ends) this.#says(`epoch ${after.number} ends at ${after.ends}, not at ${this.#ends}`)
    for (const [name, lot] of lotsOf(chain)) {
      if (lot.until !== null && !this.#leaving.has(name)) this.#leaving.set(name, time)
    }
    for (const [name, { until }] of lots) {
      if (chain.records.has(name)) continue
      const began = this.#leaving.get(name) ?? time
      const isEarning = members.has(name.split("/")[1] as never)
      const from = isEarning && until !== null ? (this.#ended[until - 1] ?? time) : began
      if (time < Math.min(from, began + epochMs * 100) + unbondingMs) this.#says(`${name} was paid at ${time} already`)
    }
  }

  /** L1: what was signed in an epoch counts until so long after its end. */
  #reported(one: ReadTransaction | undefined, failure: string | null, time: number, evidenceMs: number): void {
    if (one === undefined || failure !== null || one.unsigned.body.kind !== "report") return
    const { epoch } = one.unsigned.body
    const end = this.#ended[epoch]
    // What falls due is done at the end of a block: in the first one after its time it still counts.
    const isOld = end !== undefined && (this.#times.at(-2) ?? 0) >= end + evidenceMs
    if (isOld) this.#says(`evidence of epoch ${epoch}, over since ${end}, was taken at ${time}`)
  }

  #says(what: string): void {
    this.broken.push(what)
  }
}

function lotsOf(chain: Chain): ReadonlyMap<string, { readonly until: number | null }> {
  const names = [...chain.records.keys()].filter((name) => name.startsWith("lot/"))
  return new Map(
    names.map((name) => {
      const [, of, owner, number] = name.split("/")
      return [name, chain.get(lotAt(of as never, owner as never, Number(number)))!]
    }),
  )
}
