import assert from "node:assert/strict"
import { concatBytes, utf8 } from "../../../../../agent/base/bytes.ts"
import { WAL_BYTES_MAX, WAL_RECORD_BYTES_MAX } from "../../../../../agent/base/network-limits.ts"
import { seededRandom } from "../../../../../agent/base/random.ts"
import { ValidatorError } from "../../../../../agent/engine/ledger/consensus/error.ts"
import { Wal } from "../../../../../agent/engine/ledger/consensus/wal.ts"
import { VirtualFile } from "../../../../sim/chain/disk.ts"

const chain = new Uint8Array(32).fill(1)
const HEIGHT = 7
const records = ["first", "second, which is longer", "third"].map(utf8)

function fileWith(bytes: Uint8Array): VirtualFile {
  const file = new VirtualFile()
  file.replace(bytes)
  return file
}

/** A log with one sync after each record, and where each of them begins. */
function written(): { readonly bytes: Uint8Array; readonly begins: readonly number[] } {
  const file = new VirtualFile()
  const wal = new Wal(file, chain)
  wal.open(HEIGHT)
  const begins: number[] = []
  for (const record of records) {
    begins.push(file.read()!.length)
    assert.ok(wal.append(record))
    wal.sync()
  }
  return { bytes: file.read()!, begins }
}

const open = (bytes: Uint8Array, height = HEIGHT) => new Wal(fileWith(bytes), chain).open(height)
const isDamaged = (says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ValidatorError)
  assert.equal(error.code, "WAL_DAMAGED")
  assert.match(error.message, says)
  return true
}

describe("the log of a height", () => {
  const { bytes, begins } = written()

  it("gives back what was written, in its order", () => {
    assert.deepEqual(open(bytes), records)
  })

  it("cuts off a torn end, wherever it is torn, and goes on behind what is whole", () => {
    for (let length = begins[0]!; length < bytes.length; length++) {
      const whole = begins.filter((_, i) => (begins[i + 1] ?? bytes.length) <= length).length
      const file = fileWith(bytes.slice(0, length))
      const wal = new Wal(file, chain)
      assert.deepEqual(wal.open(HEIGHT), records.slice(0, whole), `${length} bytes`)
      wal.append(utf8("more"))
      wal.sync()
      assert.deepEqual(new Wal(file, chain).open(HEIGHT), [...records.slice(0, whole), utf8("more")])
    }
  })

  it("cuts off a last record with a hole in it", () => {
    for (let at = begins[2]!; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 0xff
      assert.deepEqual(open(changed), records.slice(0, 2), `byte ${at}`)
    }
  })

  it("refuses damage in the middle, at any byte: what is behind it was synced later", () => {
    for (let at = begins[0]!; at < begins[2]!; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 1 << (at % 8)
      assert.throws(() => open(changed), isDamaged(/not whole any more/), `byte ${at}`)
    }
  })

  it("takes records that one sync was to bring, of which the disk wrote the last first, for a torn end", () => {
    const file = new VirtualFile()
    const wal = new Wal(file, chain)
    wal.open(HEIGHT)
    const before = file.read()!.length
    for (const record of records) wal.append(record)
    const torn = file.read()!
    torn.fill(0, before, before + 20)
    assert.deepEqual(open(torn), [])
  })

  it("takes no record for its own that stood elsewhere", () => {
    const second = bytes.slice(begins[1], begins[2])
    assert.deepEqual(open(concatBytes(bytes.slice(0, begins[1]), bytes.slice(begins[2]), second)), records.slice(0, 1))
  })

  it("promises after a restart only what it synced itself: the agent may have been killed before", () => {
    const file = new VirtualFile()
    const wal = new Wal(file, chain)
    wal.open(HEIGHT)
    wal.append(records[0]!)
    assert.deepEqual(new Wal(file, chain).open(HEIGHT), [records[0]])
    file.cutPower(seededRandom(1))
    assert.deepEqual(new Wal(file, chain).open(HEIGHT), [records[0]])
  })

  it("begins anew when its height is decided, at once or after a restart", () => {
    const file = fileWith(bytes)
    const wal = new Wal(file, chain)
    wal.open(HEIGHT)
    wal.rotate(HEIGHT + 1)
    assert.deepEqual(new Wal(file, chain).open(HEIGHT + 1), [])
    assert.deepEqual(open(bytes, HEIGHT + 3), [])
  })

  for (const { name, of, says } of [
    { name: "of a later height: the blocks are older than it", of: () => open(bytes, 6), says: /of height 7/ },
    {
      name: "of another chain",
      of: () => new Wal(fileWith(bytes), new Uint8Array(32)).open(HEIGHT),
      says: /another chain/,
    },
    { name: "without a head", of: () => open(new Uint8Array(0)), says: /no head/ },
    { name: "with half a head", of: () => open(bytes.slice(0, 20)), says: /no head/ },
  ]) {
    it(`refuses one ${name}`, () => assert.throws(of, isDamaged(says)))
  }

  it("writes nothing any more when it is full, and no record that is too long", () => {
    let length = 0
    const counting = new VirtualFile()
    counting.append = (appended) => {
      length += appended.length
    }
    const wal = new Wal(counting, chain)
    wal.open(HEIGHT)
    const record = new Uint8Array(WAL_RECORD_BYTES_MAX)
    assert.equal(wal.append(new Uint8Array(WAL_RECORD_BYTES_MAX + 1)), false)
    let count = 0
    while (wal.append(record)) count++
    assert.equal(count, Math.floor(WAL_BYTES_MAX / (WAL_RECORD_BYTES_MAX + 16)))
    assert.ok(length <= WAL_BYTES_MAX)
  })
})
