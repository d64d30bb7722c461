import assert from "node:assert/strict"
import fc from "fast-check"
import { genesisValidators, nextValidators, proposerOf, proposers } from "../../../../agent/core/consensus/rotation.ts"
import type { Address } from "../../../../agent/core/consensus/terms.ts"
import type { ValidatorSet } from "../../../../agent/core/consensus/validators.ts"
import { scaled } from "../../../support/scale.ts"
import { change, type Line, turn } from "../../../support/slow-rotation.ts"

type Powers = Readonly<Record<string, number>>

const validators = (powers: Powers) =>
  Object.entries(powers).map(([name, power]) => ({ address: name as Address, power: BigInt(power) }))

/** A set as it stood after some turn. */
function setOf(lines: readonly Line[]): ValidatorSet {
  const all = lines.map(({ name, power, priority }) => ({
    address: name as Address,
    power: BigInt(power),
    priority: BigInt(priority),
  }))
  return { validators: all, total: all.reduce((sum, { power }) => sum + power, 0n), proposer: all[0]!.address }
}

const tableOf = ({ validators }: ValidatorSet): Line[] =>
  validators.map(({ address, power, priority }) => ({
    name: address,
    power: Number(power),
    priority: Number(priority),
  }))

function heights(set: ValidatorSet, count: number): Address[] {
  const named: Address[] = []
  for (let i = 0, at = set; i < count; i++, at = nextValidators(at, [])) named.push(at.proposer)
  return named
}

describe("the rotation of proposers", () => {
  // The tables of CometBFT's spec/consensus/proposer-selection.md.
  const documented: {
    name: string
    from: readonly Line[]
    changes?: Powers
    to: Readonly<Record<string, number>>
    proposer: string
  }[] = [
    {
      name: "moves each ahead by its power and the proposer back by the power of all",
      from: [
        { name: "p1", power: 1, priority: 0 },
        { name: "p2", power: 3, priority: 0 },
      ],
      to: { p1: 1, p2: -1 },
      proposer: "p2",
    },
    {
      name: "lets the lower address propose first of two that stand equal",
      from: [
        { name: "p1", power: 1, priority: 1 },
        { name: "p2", power: 3, priority: -1 },
      ],
      to: { p1: -2, p2: 2 },
      proposer: "p1",
    },
    {
      name: "keeps the place of who has another power now",
      from: [
        { name: "p1", power: 1, priority: 1 },
        { name: "p2", power: 3, priority: -1 },
      ],
      changes: { p1: 4 },
      to: { p1: -2, p2: 2 },
      proposer: "p1",
    },
    {
      name: "centres what is left when one leaves",
      from: [
        { name: "p1", power: 1, priority: 1 },
        { name: "p2", power: 2, priority: 2 },
        { name: "p3", power: 3, priority: -3 },
      ],
      changes: { p2: 0 },
      to: { p1: 3 - 4, p3: 1 },
      proposer: "p1",
    },
    {
      // The text rounds the average -14/3 to -4; the program, which is what counts, to -5.
      name: "places a newcomer at -1.125 times the power of all",
      from: [
        { name: "p1", power: 1, priority: 1 },
        { name: "p2", power: 3, priority: -2 },
      ],
      changes: { p3: 8 },
      to: { p1: 7 - 12, p2: 6, p3: 0 },
      proposer: "p1",
    },
    {
      name: "brings together who stood far apart when one of great power left",
      from: [
        { name: "p1", power: 80_000, priority: 75_000 },
        { name: "p2", power: 10, priority: -15_000 },
        { name: "p3", power: 10, priority: -60_000 },
      ],
      changes: { p1: 0 },
      to: { p2: 20 + 10 - 20, p3: -20 + 10 },
      proposer: "p2",
    },
  ]
  for (const { name, from, changes, to, proposer } of documented) {
    it(name, () => {
      const set = nextValidators(setOf(from), validators(changes ?? {}))
      const priorities = Object.fromEntries(set.validators.map(({ address, priority }) => [address, Number(priority)]))
      const table = changes === undefined ? [...from].map((line) => ({ ...line })) : change(from, changes)
      assert.deepEqual(turn(table, 1), [proposer])
      assert.deepEqual(Object.fromEntries(table.map((line) => [line.name, line.priority])), priorities)
      assert.deepEqual(priorities, to)
      assert.equal(set.proposer, proposer)
    })
  }

  it("names who has three of four powers three times in four heights", () => {
    assert.deepEqual(heights(genesisValidators(validators({ p1: 1, p2: 3 })), 8), [
      ..."p2 p1 p2 p2 p2 p1 p2 p2".split(" "),
    ])
  })

  it("names each as often as it has power, over a turn for each unit of power", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }), (powers) => {
        const named = heights(
          genesisValidators(validators(Object.fromEntries(powers.map((power, i) => [`v${i}`, power])))),
          powers.reduce((sum, power) => sum + power, 0),
        )
        for (const [i, power] of powers.entries()) {
          assert.equal(named.filter((name) => name === `v${i}`).length, power, named.join(" "))
        }
      }),
      { numRuns: scaled(100, 1000) },
    )
  })

  const changesOf = fc.dictionary(
    fc.constantFrom("a", "b", "c", "d", "e", "f"),
    fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 100, max: 100_000 })),
    { maxKeys: 3 },
  )

  it("stands as the slow model does after any changes, heights and rounds", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 1, max: 1000 }), { minKeys: 1 }),
        fc.array(fc.tuple(changesOf, fc.integer({ min: 1, max: 20 })), { maxLength: 12 }),
        (first, steps) => {
          let set = genesisValidators(validators(first))
          let table = change([], first)
          assert.deepEqual(turn(table, 1), [set.proposer])
          for (const [wanted, rounds] of steps) {
            const there = new Set(table.map(({ name }) => name))
            const changes = Object.fromEntries(Object.entries(wanted).filter(([n, p]) => p > 0 || there.has(n)))
            const left = [...there].filter((name) => changes[name] !== 0).length
            if (left + Object.values(changes).filter((power) => power > 0).length === 0) continue
            set = nextValidators(set, validators(changes))
            if (Object.keys(changes).length > 0) table = change(table, changes)
            assert.deepEqual(turn(table, 1), [set.proposer])
            assert.deepEqual(tableOf(set), table)
            const ahead = turn(structuredClone(table), rounds)
            assert.equal(proposerOf(set, rounds), ahead.at(-1))
            assert.equal(proposerOf(set, 0), set.proposer)
          }
        },
      ),
      { numRuns: scaled(500, 10_000) },
    )
  })

  it("remembers no round for another", () => {
    const set = genesisValidators(validators({ a: 3, b: 2, c: 2 }))
    const of = proposers(set)
    for (const round of [0, 1, 5, 5, 2, 0, 7, 1]) assert.equal(of(round), proposerOf(set, round))
  })

  it("counts powers beyond any machine word", () => {
    const power = 2n ** 96n
    const set = genesisValidators([
      { address: "a" as Address, power },
      { address: "b" as Address, power: power + 1n },
    ])
    assert.deepEqual(heights(set, 4), ["b", "a", "b", "a"])
    assert.equal(set.total, 2n * power + 1n)
  })

  const refused: { name: string; changes: Powers; says: RegExp }[] = [
    { name: "one who leaves and was not there", changes: { z: 0 }, says: /z leaves and was not there/ },
    { name: "a set of nobody", changes: { a: 0, b: 0 }, says: /1 to 128 validators, not 0/ },
    { name: "a power below 0", changes: { c: -1 }, says: /c has the power -1/ },
    {
      name: "more than the committee holds",
      changes: Object.fromEntries(Array.from({ length: 127 }, (_, i) => [`c${i}`, 1])),
      says: /not 129/,
    },
  ]
  for (const { name, changes, says } of refused) {
    it(`refuses ${name}`, () => {
      const set = genesisValidators(validators({ a: 1, b: 1 }))
      assert.throws(() => nextValidators(set, validators(changes)), { code: "VALIDATORS_INVALID", message: says })
    })
  }

  it("refuses one address that changes twice", () => {
    const twice = [...validators({ a: 1 }), ...validators({ a: 2 })]
    assert.throws(() => genesisValidators(twice), { code: "VALIDATORS_INVALID", message: /one address changes twice/ })
  })
})
