import assert from "node:assert/strict"
import { type Address, addressOf } from "../../../agent/base/address.ts"
import { rewardOf } from "../../../agent/core/ledger/apply/rewards.ts"
import {
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
  parametersAt,
  type Place,
  rankAt,
  serviceAt,
  slashAt,
  totalsAt,
  validatorAt,
} from "../../../agent/core/ledger/state/records.ts"
import type { Hash } from "../../../agent/core/ledger/terms.ts"
import type { Chain } from "./chain.ts"
import { slowRoot } from "./slow-tree.ts"

/** Reckons anew, from the records alone, everything that the ledger keeps as a sum, a count or an index. */
export function audit(chain: Chain): void {
  const get = <Value>(place: Place<Value>): Value => {
    const value = chain.get(place)
    assert.ok(value !== null, place.name)
    return value
  }
  const named = (kind: string) =>
    [...chain.records.keys()].filter((name) => name.startsWith(`${kind}/`)).map((name) => name.split("/").slice(1))
  const sum = (amounts: readonly bigint[]) => amounts.reduce((all, one) => all + one, 0n)
  const totals = get(totalsAt)
  const epoch = get(epochAt)
  const isEnrolled = get(parametersAt).isEnrolled
  const counted = new Map<string, number>()
  const count = (name: string) => counted.set(name, (counted.get(name) ?? 0) + 1)
  const dues = new Set<string>()

  const accounts = named("account").map(([address]) => ({ address, ...get(accountAt(address as Address)) }))
  const lots = named("lot").map(([of, owner, number]) => {
    const at = lotAt(of as Address, owner as Address, Number(number))
    return { of: of as Address, owner: owner as Address, name: at.name, ...get(at) }
  })
  const services = named("service").map(([hash]) => ({ hash, ...get(serviceAt(hash as Hash)) }))
  const announcements = named("announcement").map(([hash, by]) => {
    const at = announcementAt(hash as Hash, by as Address)
    return { hash, by: by!, name: at.name, ...get(at) }
  })
  const applications = named("application").map(([hash]) => get(applicationAt(hash as Hash)))

  // All tokens are where the totals say.
  assert.equal(totals.accounts, sum(accounts.map(({ balance }) => balance)))
  assert.equal(totals.staked, sum(lots.map(({ tokens }) => tokens)))
  assert.equal(totals.bonds, sum(announcements.map(({ bond }) => bond)))
  assert.equal(totals.deposits, sum([...services, ...applications].map(({ deposit }) => deposit)))
  const { minted, ...purses } = totals
  assert.equal(sum(Object.values(purses)), minted)

  // Validators have the stake of their lots, a place by it, and the power that the committee says.
  const members = get(committeeAt(epoch.committee)).members
  const ranks = new Set<string>()
  for (const [address] of named("validator")) {
    const validator = get(validatorAt(address as Address))
    const own = lots.filter(({ of, until }) => of === address && until === null)
    assert.equal(validator.tokens, sum(own.map(({ tokens }) => tokens)), `stake of ${address}`)
    assert.equal(validator.power, members.find(({ account }) => account === address)?.power ?? 0n)
    // P5: whoever stays because nobody else is there has the power that it had.
    const isChosen = !isEnrolled && validator.fault === null && validator.tokens >= get(parametersAt).stakeMin
    if (isChosen) assert.ok(validator.power <= validator.active)
    if (validator.tokens > 0n && validator.jailedUntil === null) {
      ranks.add(rankAt(validator.tokens, address as Address).name)
    }
    // Its own record, and the keys that it had after the first.
    const keys = named("key").filter(([consensus]) => get(keyAt(consensus as Address)) === address)
    if (!isEnrolled) for (const _ of keys) count(`account/${address}`)
    assert.equal(get(keyAt(addressOf(Uint8Array.fromHex(validator.key)))), address)
    const member = members.find(({ account }) => account === address)
    if (member !== undefined) assert.equal(member.key, validator.key)
  }
  assert.deepEqual(new Set([...chain.records.keys()].filter((name) => name.startsWith("rank/"))), ranks)
  assert.ok(members.length > 0)

  // Nobody is owed more than the pot holds beside the fees of this epoch.
  let owed = 0n
  for (const lot of lots) {
    assert.ok(lot.tokens > 0n, lot.name)
    count(`account/${lot.owner}`)
    if (lot.until !== null) dues.add(lot.name)
    const reached = (number: number, own: bigint | null): bigint | null => {
      if (own !== null) return own
      count(markAt(lot.of, number).name)
      return get(markAt(lot.of, number)).reached?.index ?? null
    }
    const from = reached(lot.from, lot.index)
    const until = lot.until === null ? null : reached(lot.until, lot.end)
    const to = until ?? get(validatorAt(lot.of)).index
    if (from === null) continue
    assert.ok(to >= from, lot.name)
    owed += rewardOf(lot.tokens, from, to)
  }
  assert.ok(
    owed + epoch.fees <= totals.pot,
    `${owed} are owed and ${epoch.fees} collected, the pot holds ${totals.pot}`,
  )

  // Counts are what they count, and what must end falls due.
  for (const { hash, running, developer, isRetired } of services) {
    count(`account/${developer}`)
    assert.equal(running, announcements.filter((one) => one.hash === hash && !one.isLeaving).length)
    if (isRetired) dues.add(serviceAt(hash as Hash).name)
  }
  for (const { by, name, due } of announcements) {
    count(`account/${by}`)
    dues.add(name)
    assert.ok(chain.records.has(dueAt(due, name).name))
  }
  for (const { developer } of applications) count(`account/${developer}`)
  for (const { address, records } of accounts) assert.equal(records, counted.get(`account/${address}`) ?? 0)
  for (const [of, number] of named("mark")) {
    const at = markAt(of as Address, Number(number))
    assert.equal(get(at).lots, counted.get(at.name), at.name)
  }
  for (const [number] of named("committee")) {
    const at = committeeAt(Number(number))
    if (Number(number) !== epoch.committee) dues.add(at.name)
  }
  for (const [number] of named("begun")) {
    const at = begunAt(Number(number))
    if (Number(number) !== epoch.number) dues.add(at.name)
  }
  for (const [of] of named("slash")) dues.add(slashAt(of as Address).name)
  const found = named("due").map((parts) => parts.slice(1).join("/"))
  assert.deepEqual(found.toSorted(), [...dues].toSorted())
  const soonest = named("due").map(([time]) => Number(time))
  assert.equal(chain.nextDue, Math.min(epoch.ends, ...soonest))
  assert.equal(chain.appHash.toHex(), slowRoot(chain.records))
}
