import assert from "node:assert/strict"
import { announcementAt, serviceAt } from "../../../../agent/core/ledger/state/records.ts"
import { audit } from "../../../support/ledger/audit.ts"
import { addressFor, Chain, genesisOf, hashOf, HOUR } from "../../../support/ledger/chain.ts"

const manifest = hashOf("charger")
const application = hashOf("night charging")
const publish = (price = 7n, deposit = 50n) => ({ kind: "publish-service", manifest, price, deposit }) as const
const announce = (until: number, bond = 30n) => ({ kind: "announce", manifest, bond, until }) as const
const RETIRE = { kind: "retire-service", manifest } as const
const WITHDRAW = { kind: "withdraw", manifest } as const
const OFFER = { kind: "publish-application", application, deposit: 50n } as const
const TAKE_BACK = { kind: "retire-application", application } as const

const begin = (parameters = {}) => new Chain(genesisOf(parameters, { bob: 1_000n, carol: 1_000n }, { alice: 1_000n }))
const running = (chain: Chain) => chain.get(serviceAt(manifest))?.running

describe("the register", () => {
  it("lists a service with its price, and holds its deposit until nothing can rest on it any more", () => {
    const chain = begin()
    assert.equal(chain.send("bob", publish()), null)
    assert.equal(chain.get(serviceAt(manifest))!.price, 7n)
    assert.equal(chain.send("bob", RETIRE), null)
    audit(chain)
    chain.waitUntil(14 * HOUR - 1)
    assert.equal(chain.balance("bob"), 1_000n - 20n - 50n)
    chain.waitUntil(14 * HOUR)
    assert.equal(chain.balance("bob"), 1_000n - 20n)
    assert.equal(chain.get(serviceAt(manifest)), null)
    audit(chain)
  })

  it("gives a service another price, for its developer only", () => {
    const chain = begin()
    chain.send("bob", publish())
    assert.equal(chain.send("carol", publish(1n)), "NOT_THE_DEVELOPER")
    assert.equal(chain.send("bob", publish(9n, 0n)), null)
    const { price, deposit } = chain.get(serviceAt(manifest))!
    assert.deepEqual([price, deposit], [9n, 50n])
  })

  it("counts the Cores that run a service, from their announcements to the ends of them", () => {
    const chain = begin()
    chain.send("bob", publish())
    assert.equal(chain.send("carol", announce(2 * HOUR)), null)
    assert.equal(chain.send("bob", announce(3 * HOUR)), null)
    assert.equal(running(chain), 2)
    chain.waitUntil(2 * HOUR)
    assert.equal(running(chain), 1)
    audit(chain)
    // The bond answers for what was done until then.
    assert.equal(chain.balance("carol"), 1_000n - 10n - 30n)
    chain.waitUntil(12 * HOUR)
    assert.equal(chain.balance("carol"), 1_000n - 10n)
    assert.equal(running(chain), 0)
    audit(chain)
  })

  it("keeps an announcement longer when it is made again, and not shorter", () => {
    const chain = begin()
    chain.send("bob", publish())
    chain.send("carol", announce(2 * HOUR))
    assert.equal(chain.send("carol", announce(1 * HOUR)), "TIME_NOT_ALLOWED")
    assert.equal(chain.send("carol", announce(4 * HOUR, 5n)), null)
    assert.equal(chain.get(announcementAt(manifest, addressFor("carol")))!.bond, 35n)
    chain.waitUntil(3 * HOUR)
    assert.equal(running(chain), 1)
    chain.waitUntil(4 * HOUR)
    assert.equal(running(chain), 0)
    assert.equal(chain.send("carol", announce(5 * HOUR, 0n)), null)
    assert.equal(running(chain), 1)
    audit(chain)
  })

  it("ends an announcement when it is withdrawn", () => {
    const chain = begin()
    chain.send("bob", publish())
    chain.send("carol", announce(2 * HOUR))
    assert.equal(chain.send("carol", WITHDRAW), null)
    assert.equal(running(chain), 0)
    assert.equal(chain.send("carol", WITHDRAW), "NOT_ANNOUNCED")
    audit(chain)
    chain.waitUntil(10 * HOUR)
    assert.equal(chain.balance("carol"), 1_000n - 30n)
    audit(chain)
  })

  it("lists a public application, and gives its deposit back when it goes", () => {
    const chain = begin()
    assert.equal(chain.send("bob", OFFER), null)
    audit(chain)
    assert.equal(chain.send("carol", OFFER), "APPLICATION_EXISTS")
    assert.equal(chain.send("carol", TAKE_BACK), "NOT_THE_DEVELOPER")
    assert.equal(chain.send("bob", TAKE_BACK), null)
    assert.equal(chain.balance("bob"), 1_000n - 20n)
    audit(chain)
  })

  const failures: readonly (readonly [string, Parameters<Chain["send"]>[1], object?])[] = [
    ["DEPOSIT_TOO_LOW", { ...publish(), manifest: hashOf("other"), deposit: 49n }],
    ["RECORDS_FULL", { ...publish(), manifest: hashOf("other") }, { recordsMax: 1 }],
    ["RECORDS_FULL", OFFER, { recordsMax: 1 }],
    ["RECORDS_FULL", announce(HOUR), { recordsMax: 1 }],
    ["BALANCE_TOO_LOW", publish(7n, 10_000n)],
    ["BALANCE_TOO_LOW", { ...OFFER, deposit: 10_000n }],
    ["BALANCE_TOO_LOW", announce(HOUR, 10_000n)],
    ["DEPOSIT_TOO_LOW", { ...OFFER, deposit: 49n }],
    ["SERVICE_UNKNOWN", { ...RETIRE, manifest: hashOf("other") }],
    ["SERVICE_UNKNOWN", { ...announce(HOUR), manifest: hashOf("other") }],
    ["TIME_NOT_ALLOWED", announce(0)],
    ["TIME_NOT_ALLOWED", announce(4 * HOUR + 1)],
    ["BOND_TOO_LOW", announce(HOUR, 29n)],
    ["NOT_ANNOUNCED", WITHDRAW],
    ["APPLICATION_UNKNOWN", TAKE_BACK],
  ]
  for (const [code, body, parameters] of failures) {
    it(`fails with ${code} and changes nothing: ${body.kind}`, () => {
      const chain = begin(parameters)
      chain.send("bob", publish())
      const before = chain.records.size
      assert.equal(chain.send("bob", body), code)
      assert.deepEqual([chain.balance("bob"), chain.records.size], [1_000n - 20n - 50n, before])
      audit(chain)
    })
  }

  it("takes nothing more for a service that is retired", () => {
    const chain = begin()
    chain.send("bob", publish())
    assert.equal(chain.send("carol", RETIRE), "NOT_THE_DEVELOPER")
    chain.send("bob", RETIRE)
    for (const body of [RETIRE, announce(HOUR), publish()]) assert.equal(chain.send("bob", body), "SERVICE_RETIRED")
    audit(chain)
  })
})
