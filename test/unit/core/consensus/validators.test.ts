import assert from "node:assert/strict"
import fc from "fast-check"
import { genesisValidators } from "../../../../agent/core/consensus/rotation.ts"
import type { Address } from "../../../../agent/core/consensus/terms.ts"
import { isHonest, isQuorum, powerOf } from "../../../../agent/core/consensus/validators.ts"

describe("the thresholds", () => {
  const cases: { weight: bigint; total: bigint; quorum: boolean; honest: boolean }[] = [
    { weight: 0n, total: 1n, quorum: false, honest: false },
    { weight: 1n, total: 1n, quorum: true, honest: true },
    { weight: 1n, total: 3n, quorum: false, honest: false },
    { weight: 2n, total: 3n, quorum: false, honest: true },
    { weight: 3n, total: 4n, quorum: true, honest: true },
    { weight: 2n, total: 4n, quorum: false, honest: true },
    { weight: 4n, total: 6n, quorum: false, honest: true },
    { weight: 5n, total: 6n, quorum: true, honest: true },
    // A quotient in floating point calls this a quorum and the next an honest voice.
    { weight: 2n * 10n ** 30n, total: 3n * 10n ** 30n, quorum: false, honest: true },
    { weight: 10n ** 30n, total: 3n * 10n ** 30n, quorum: false, honest: false },
    { weight: 2n * 10n ** 30n + 1n, total: 3n * 10n ** 30n, quorum: true, honest: true },
  ]
  for (const { weight, total, quorum, honest } of cases) {
    it(`${weight} of ${total} is ${quorum ? "a" : "no"} quorum and ${honest ? "more" : "not more"} than a third`, () => {
      assert.equal(isQuorum(weight, total), quorum)
      assert.equal(isHonest(weight, total), honest)
    })
  }

  it("have in any two quorums more than a third in common", () => {
    const part = fc.bigInt({ min: 0n, max: 2n ** 70n })
    fc.assert(
      fc.property(part, part, part, part, (both, first, second, none) => {
        const total = both + first + second + none
        fc.pre(isQuorum(both + first, total) && isQuorum(both + second, total))
        assert.ok(isHonest(both, total))
      }),
    )
  })
})

describe("a validator set", () => {
  it("knows the power of each, and 0 for anybody else", () => {
    const powers = new Map(["b", "d", "f", "h"].map((name, i) => [name as Address, BigInt(i + 1)]))
    const set = genesisValidators([...powers].reverse().map(([address, power]) => ({ address, power })))
    for (const name of "abcdefghi") assert.equal(powerOf(set, name as Address), powers.get(name as Address) ?? 0n)
    assert.equal(set.total, 10n)
    assert.deepEqual(
      set.validators.map(({ address }) => address),
      ["b", "d", "f", "h"],
    )
  })
})
