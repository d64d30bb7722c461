import assert from "node:assert/strict"
import { seededRandom } from "../../../../agent/base/random.ts"
import type { Address } from "../../../../agent/base/address.ts"
import {
  decidedMessage,
  heldMessage,
  newestBytes,
  newestMessage,
  proposedMessage,
  transactionsMessage,
  voteMessage,
} from "../../../../agent/core/chain/message.ts"
import type { SignedProposal, SignedVote } from "../../../../agent/core/consensus/message.ts"
import type { ValueId } from "../../../../agent/core/consensus/terms.ts"
import type { ChainId, Signature } from "../../../../agent/core/ledger/terms.ts"
import { scaled } from "../../../support/scale.ts"

const SIGNATURE = new Uint8Array(64).fill(9)
const VALUE = "ab".repeat(32) as ValueId
const ADDRESS = "cd".repeat(20) as Address
const vote: SignedVote = {
  type: "prevote",
  height: 7,
  round: 2,
  value: VALUE,
  voter: ADDRESS,
  timeMs: 5,
  signature: SIGNATURE,
}
const nil: SignedVote = { ...vote, type: "precommit", value: null }
const first: SignedProposal = {
  height: 7,
  round: 0,
  value: VALUE,
  polRound: -1,
  proposer: ADDRESS,
  signature: SIGNATURE,
}
const again: SignedProposal = { ...first, round: 3, polRound: 1 }
const commit = { round: 1, votes: [null, { time: 3, signature: "11".repeat(64) as Signature }] }
const block = Uint8Array.of(1, 2, 3)
const newest = { peer: ADDRESS, vote: nil, proposal: null, signature: "22".repeat(64) as Signature }

const codecs = [
  { name: "transactions", codec: transactionsMessage, messages: [[], [block, block]] },
  { name: "a vote", codec: voteMessage, messages: [vote, nil] },
  {
    name: "a proposal with its block",
    codec: proposedMessage,
    messages: [
      { proposal: first, polka: null, block },
      { proposal: again, polka: [vote, vote], block },
    ],
  },
  { name: "a decided block", codec: decidedMessage, messages: [{ block, proposal: again, commit }] },
  {
    name: "what is held of a height",
    codec: heldMessage,
    messages: [
      { votes: [vote, nil], proposed: { proposal: first, polka: null, block } },
      { votes: [], proposed: null },
    ],
  },
  {
    name: "what is held of a validator",
    codec: newestMessage,
    messages: [newest, { ...newest, vote: null, proposal: again }],
  },
] as const

interface AnyCodec {
  encode(message: unknown): Uint8Array
  read(bytes: Uint8Array): unknown
}

describe("a message between Cores of a chain", () => {
  for (const { name, codec, messages } of codecs) {
    const { encode, read } = codec as unknown as AnyCodec

    it(`${name}, is read as it was written`, () => {
      for (const message of messages) assert.deepEqual(read(encode(message)), message)
    })

    it(`${name}, whatever its bytes, is refused or would be written so`, () => {
      const random = seededRandom(3)
      for (let i = 0; i < scaled(3000, 200_000); i++) {
        const bytes = encode(messages[i % messages.length])
        for (let n = 0; n <= random.below(4); n++) bytes[random.below(bytes.length)] = random.below(256)
        const cut = random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes
        const message = read(cut)
        if (message !== null) assert.deepEqual(Buffer.compare(encode(message), cut), 0)
      }
    })
  }

  it("about a validator is signed for one question of one validator on one chain", () => {
    const of = (chain: string, nonce: number, more: object = {}) =>
      newestBytes(chain as ChainId, new Uint8Array(32).fill(nonce), { ...newest, ...more }).toHex()
    const a = "aa".repeat(32)
    const all = [of(a, 1), of(a, 2), of("bb".repeat(32), 1), of(a, 1, { peer: "00".repeat(20) }), of(a, 1, { vote })]
    assert.equal(new Set(all).size, all.length)
    assert.equal(of(a, 1, { signature: "33".repeat(64) }), of(a, 1))
  })
})
