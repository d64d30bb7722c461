import assert from "node:assert/strict"
import { concatBytes, toHex, utf8 } from "../../../../agent/base/bytes.ts"
import { sha256 } from "../../../../agent/base/hash.ts"
import { type Mountains, rootOf, rootOfList, withLeaf } from "../../../../agent/core/chain/mountains.ts"

const leaves = (count: number) => Array.from({ length: count }, (_, i) => utf8(`leaf ${i}`))
const zero = Uint8Array.of(0)
const one = Uint8Array.of(1)

/** As the specification says it, from the leaves alone. */
function slowRoot(all: readonly Uint8Array[]): string {
  const tree = (part: readonly Uint8Array[]): Uint8Array =>
    part.length === 1
      ? sha256(concatBytes(zero, part[0]!))
      : sha256(concatBytes(one, tree(part.slice(0, part.length / 2)), tree(part.slice(part.length / 2))))
  const peaks: Uint8Array[] = []
  for (let rest = all; rest.length > 0; ) {
    const size = 2 ** Math.floor(Math.log2(rest.length))
    peaks.push(tree(rest.slice(0, size)))
    rest = rest.slice(size)
  }
  const joined =
    peaks.length === 0 ? new Uint8Array(0) : peaks.reduceRight((sum, peak) => sha256(concatBytes(one, peak, sum)))
  const length = Uint8Array.of(0, 0, 0, 0, 0, 0, all.length >> 8, all.length & 255)
  return toHex(sha256(concatBytes(Uint8Array.of(2), length, joined)))
}

describe("a Merkle mountain range", () => {
  it("has the hash that its leaves have when they are hashed as the specification says, at every length", () => {
    let peaks: Mountains = []
    for (const [i, leaf] of leaves(300).entries()) {
      assert.equal(rootOf(peaks), slowRoot(leaves(i)))
      peaks = withLeaf(peaks, leaf)
    }
  })

  it("has another hash for another order, another leaf, or a leaf that is the hash of two", () => {
    const [a, b, c] = leaves(3) as [Uint8Array, Uint8Array, Uint8Array]
    const inner = sha256(one, sha256(zero, a), sha256(zero, b))
    const roots = [[a, b, c], [b, a, c], [a, b], [a, b, a], [inner, c], []].map(rootOfList)
    assert.equal(new Set(roots).size, roots.length)
  })
})
