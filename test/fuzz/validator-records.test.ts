import assert from "node:assert/strict"
import fc from "fast-check"
import type { SignedProposal, SignedVote } from "../../agent/core/consensus/message.ts"
import { UNSIGNED, withSignature } from "../../agent/core/consensus/sign-state.ts"
import type { Address, ValueId } from "../../agent/core/consensus/terms.ts"
import { ValidatorError } from "../../agent/engine/ledger/consensus/error.ts"
import { decodeEntry, encodeEntry } from "../../agent/engine/ledger/consensus/log-entry.ts"
import { decodeSignState, encodeSignState } from "../../agent/engine/ledger/consensus/sign-state-record.ts"
import { Wal } from "../../agent/engine/ledger/consensus/wal.ts"
import { VirtualFile } from "../sim/chain/disk.ts"
import { scaled } from "../support/scale.ts"

const numRuns = scaled(3_000, 300_000)
const chain = new Uint8Array(32).fill(1)

function plain<Shape>(shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }): fc.Arbitrary<Shape> {
  return fc.record(shape, { noNullPrototype: true })
}

/** Bytes are changed, left out, put in, or zeros, at some places. */
const edits = fc.array(
  plain({ at: fc.double({ min: 0, max: 1, noNaN: true }), how: fc.nat(3), byte: fc.nat(255), length: fc.nat(40) }),
  { minLength: 1, maxLength: 4 },
)
type Edits = typeof edits extends fc.Arbitrary<infer Value> ? Value : never

/** @param from no byte before it is touched */
function edited(bytes: Uint8Array, all: Edits, from = 0): Uint8Array {
  let result = [...bytes]
  for (const { at, how, byte, length } of all) {
    const place = from + Math.floor(at * (result.length - from))
    if (how === 0 && place < result.length) result[place] = byte
    if (how === 1) result.splice(place, length)
    if (how === 2) result.splice(place, 0, byte)
    if (how === 3) result = result.map((old, i) => (i >= place && i < place + length ? 0 : old))
  }
  return Uint8Array.from(result)
}

const records = fc.array(plain({ record: fc.uint8Array({ minLength: 1, maxLength: 30 }), synced: fc.boolean() }), {
  maxLength: 12,
})

/** @returns the log, and how much of it was synced at last */
function logOf(all: readonly { readonly record: Uint8Array; readonly synced: boolean }[]) {
  const file = new VirtualFile()
  const wal = new Wal(file, chain)
  wal.open(3)
  for (const { record, synced } of all) {
    wal.append(record)
    if (synced) wal.sync()
  }
  return { bytes: file.read()!, synced: wal.synced }
}

const HEAD_BYTES = logOf([]).bytes.length

function opened(bytes: Uint8Array): readonly Uint8Array[] | "damaged" {
  const file = new VirtualFile()
  file.replace(bytes)
  try {
    return new Wal(file, chain).open(3)
  } catch (error) {
    assert.ok(error instanceof ValidatorError && error.code === "WAL_DAMAGED", String(error))
    return "damaged"
  }
}

const hex = (count: number) => fc.uint8Array({ minLength: count, maxLength: count }).map((bytes) => bytes.toHex())
const value = hex(32) as fc.Arbitrary<string> as fc.Arbitrary<ValueId>
const address = hex(20) as fc.Arbitrary<string> as fc.Arbitrary<Address>
const number = fc.nat(2 ** 31 - 1)
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })
const vote: fc.Arbitrary<SignedVote> = plain({
  type: fc.constantFrom("prevote", "precommit"),
  height: fc.maxSafeNat(),
  round: number,
  value: fc.option(value),
  voter: address,
  timeMs: fc.maxSafeNat(),
  signature,
})
const proposal: fc.Arbitrary<SignedProposal> = plain({
  height: fc.maxSafeNat(),
  round: number,
  value,
  polRound: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  proposer: address,
  signature,
})
const input = fc.oneof(
  plain({ kind: fc.constant("start" as const) }),
  plain({ kind: fc.constant("proposal" as const), proposal, valid: fc.boolean() }),
  plain({ kind: fc.constant("value" as const), height: fc.maxSafeNat(), round: number, value }),
  plain({ kind: fc.constant("vote" as const), vote }),
  plain({ kind: fc.constant("certificate" as const), votes: fc.array(vote, { maxLength: 4 }) }),
  plain({
    kind: fc.constant("timeout" as const),
    step: fc.constantFrom("propose", "prevote", "precommit"),
    height: fc.maxSafeNat(),
    round: number,
  }),
)
const entry = plain({ timeMs: fc.maxSafeNat(), input })

describe("what a validator reads from its disk, any bytes", function () {
  this.timeout(600_000)

  it("a log gives back the beginning of what was written, or is refused: nothing that was never in it", () => {
    let [whole, refused] = [0, 0]
    fc.assert(
      fc.property(records, edits, fc.boolean(), (all, changes, sparesHead) => {
        const { bytes } = logOf(all)
        const read = opened(edited(bytes, changes, sparesHead ? HEAD_BYTES : 0))
        if (read === "damaged") return void refused++
        whole++
        assert.deepEqual(
          read,
          all.slice(0, read.length).map(({ record }) => record),
        )
      }),
      { numRuns },
    )
    assert.ok(whole > numRuns / 10 && refused > numRuns / 10, `${whole} whole, ${refused} refused`)
  })

  it("a log that is torn behind what was synced gives all of that, and is never refused", () => {
    fc.assert(
      fc.property(records, edits, (all, changes) => {
        const { bytes, synced } = logOf(all)
        const read = opened(edited(bytes, changes, synced))
        assert.notEqual(read, "damaged")
        const kept = all.findLastIndex((one) => one.synced) + 1
        assert.ok(read.length >= kept, `${read.length} of ${kept}`)
      }),
      { numRuns },
    )
  })

  it("an entry comes back as it was", () => {
    fc.assert(
      fc.property(entry, (one) => {
        assert.deepEqual(decodeEntry(encodeEntry(one)), one)
      }),
      { numRuns },
    )
  })

  it("bytes that are read as an entry are exactly those of that entry", () => {
    fc.assert(
      fc.property(entry, edits, (one, changes) => {
        const bytes = edited(encodeEntry(one), changes)
        const read = decodeEntry(bytes)
        if (read !== null) assert.deepEqual(Buffer.from(encodeEntry(read)), Buffer.from(bytes))
      }),
      { numRuns },
    )
  })

  it("a sign-state is read only as it was written", () => {
    const state = fc.tuple(number, number, fc.constantFrom("proposal", "prevote", "precommit" as const), signature)
    fc.assert(
      fc.property(state, edits, ([height, round, step, made], changes) => {
        const written = withSignature(UNSIGNED, { height, round, step }, { bytes: made, signature: made }, height)
        const bytes = encodeSignState(chain, "key", written)
        assert.deepEqual(decodeSignState(bytes, chain, "key"), { ok: true, state: written })
        const changed = edited(bytes, changes)
        if (Buffer.compare(changed, bytes) !== 0) assert.equal(decodeSignState(changed, chain, "key").ok, false)
      }),
      { numRuns },
    )
  })
})
