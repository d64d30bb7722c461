import assert from "node:assert/strict"
import { toHex } from "../../../../agent/base/bytes.ts"
import { proposalBytes, voteBytes } from "../../../../agent/core/consensus/message.ts"
import { type Address, NO_ROUND, type ValueId } from "../../../../agent/core/consensus/terms.ts"

const chain = new Uint8Array(32).fill(0xcc)
const value = "ab".repeat(32) as ValueId
const me = "01".repeat(20) as Address
const vote = { type: "prevote", height: 258, round: 3, value, voter: me, timeMs: 0x0192_0000_0001 } as const
const proposal = { height: 258, round: 3, value, polRound: NO_ROUND, proposer: me }
const HEAD = `${toHex(new TextEncoder().encode("mesg/v1/consensus"))}00${"cc".repeat(32)}`

describe("the bytes of a vote and of a proposal", () => {
  const cases: { name: string; bytes: Uint8Array; says: string }[] = [
    {
      name: "a prevote",
      bytes: voteBytes(chain, vote),
      says: `01 0000000000000102 00000003 00000000 0000019200000001 01 ${value}`,
    },
    {
      name: "a precommit for nil",
      bytes: voteBytes(chain, { ...vote, type: "precommit", value: null }),
      says: `02 0000000000000102 00000003 00000000 0000019200000001 00 ${"00".repeat(32)}`,
    },
    {
      name: "a new proposal",
      bytes: proposalBytes(chain, proposal),
      says: `00 0000000000000102 00000003 00000000 0000000000000000 01 ${value}`,
    },
    {
      name: "one made again with the polka of round 0",
      bytes: proposalBytes(chain, { ...proposal, polRound: 0 }),
      says: `00 0000000000000102 00000003 00000001 0000000000000000 01 ${value}`,
    },
    {
      name: "the last round there is",
      bytes: proposalBytes(chain, { ...proposal, round: 2 ** 31 - 1, polRound: 2 ** 31 - 2 }),
      says: `00 0000000000000102 7fffffff 7fffffff 0000000000000000 01 ${value}`,
    },
  ]
  for (const { name, bytes, says } of cases) {
    it(name, () => assert.equal(toHex(bytes), HEAD + says.replaceAll(" ", "")))
  }

  it("say nothing of who signs: the key does", () => {
    assert.deepEqual(voteBytes(chain, vote), voteBytes(chain, { ...vote, voter: "02".repeat(20) as Address }))
  })

  for (const wrong of ["", "ab", "ab".repeat(33), "zz".repeat(32)]) {
    it(`are not made of the value "${wrong.slice(0, 6)}", ${wrong.length} long`, () => {
      assert.throws(() => voteBytes(chain, { ...vote, value: wrong as ValueId }), RangeError)
    })
  }
})
