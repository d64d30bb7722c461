import assert from "node:assert/strict"
import type { Address } from "../../../../agent/base/address.ts"
import {
  BLOCK_FRAME_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  TRANSACTION_BYTES_MAX,
  VALIDATORS_MAX,
} from "../../../../agent/base/network-limits.ts"
import { seededRandom } from "../../../../agent/base/random.ts"
import { type Block, blockId, encodeBlock, type ReadBlock, readBlock } from "../../../../agent/core/chain/block.ts"
import { applicationOf, blockFault, headerAfter, signaturesOfBlock } from "../../../../agent/core/chain/check.ts"
import { commitOf, isCommitOf, medianTime, votesOf } from "../../../../agent/core/chain/commit.ts"
import { encodeTip, genesisTip, readTip, type Tip, tipAfter } from "../../../../agent/core/chain/tip.ts"
import type { SignedVote } from "../../../../agent/core/consensus/message.ts"
import { proposerOf } from "../../../../agent/core/consensus/rotation.ts"
import type { ValueId } from "../../../../agent/core/consensus/terms.ts"
import { consensusAddress } from "../../../../agent/core/ledger/apply/committee.ts"
import { encodeTransaction, type ReadTransaction } from "../../../../agent/core/ledger/transaction/transaction.ts"
import type { Hash } from "../../../../agent/core/ledger/terms.ts"
import { addressFor, Chain, genesisOf, HOUR, keyOf } from "../../../support/ledger/chain.ts"
import { scaled } from "../../../support/scale.ts"

const GENESIS = genesisOf(
  {},
  { ann: 100_000n, bob: 0n, vince: 1000n },
  { vera: 4000n, vic: 3000n, val: 3000n, vince: 1000n },
  [],
)
const genesis = () => ({ ...GENESIS, parameters: { ...GENESIS.parameters, committee: 4 } })

/** Blocks with commits that say they are signed, one after the other. */
class Blocks {
  readonly ledger = new Chain(genesis())
  tip: Tip = genesisTip(genesis()).tip

  votes(timeMs = this.tip.time + 50, without: readonly string[] = []): readonly SignedVote[] {
    const out = new Set(without.map((name) => consensusAddress(keyOf(`consensus ${name}`))))
    return this.tip.last
      .map(({ key }) => consensusAddress(key))
      .filter((voter) => !out.has(voter))
      .map((voter) => ({
        type: "precommit",
        height: this.tip.height,
        round: 2,
        value: this.tip.id as string as ValueId,
        voter,
        timeMs,
        signature: new Uint8Array(64).fill(7),
      }))
  }

  make(transactions: readonly ReadTransaction[] = [], votes = this.votes()): ReadBlock {
    const commit = this.tip.id === null ? null : commitOf(votes, this.tip.last)
    const bytes = transactions.map(encodeTransaction)
    const proposer = proposerOf(this.tip.next.queue, 0)
    const header = headerAfter(this.tip, { commit, transactions: bytes, proposer })
    return readBlock(encodeBlock({ header, commit, transactions: bytes }))!
  }

  take(block: ReadBlock): void {
    assert.equal(blockFault(this.tip, block), null)
    const { time, transactions, absent } = applicationOf(this.tip, block)
    assert.deepEqual(absent, [])
    const applied = this.ledger.block(transactions, time)
    this.tip = tipAfter(this.tip, block, applied)
  }
}

const transfer = (ledger: Chain, nonce?: number) =>
  ledger.transaction(
    "ann",
    { kind: "transfer", to: addressFor("bob"), amount: 5n },
    nonce === undefined ? {} : { nonce },
  )

describe("a block", () => {
  it("is read as it was written, and names its parent, its time and the state before it", () => {
    const blocks = new Blocks()
    const first = blocks.make([transfer(blocks.ledger)])
    assert.deepEqual([first.header.height, first.header.parent, first.header.time], [1, null, 1])
    assert.deepEqual(encodeBlock(readBlock(encodeBlock(first))!), encodeBlock(first))
    const before = blocks.tip.appHash
    blocks.take(first)
    assert.equal(first.header.appHash, before)
    const second = blocks.make()
    assert.deepEqual([second.header.parent, second.header.time], [first.id, 51])
    assert.notEqual(second.header.appHash, before)
    assert.equal(blocks.tip.isBusy, true)
    blocks.take(second)
    assert.equal(blocks.tip.isBusy, false)
  })

  it("carries what its signatures are over: those of the commit and those of its transactions", () => {
    const blocks = new Blocks()
    blocks.take(blocks.make())
    const block = blocks.make([transfer(blocks.ledger)])
    const signed = signaturesOfBlock(blocks.tip, block)
    assert.equal(signed.length, 4 + 1)
    assert.deepEqual(
      signed.slice(0, 4).map(({ key }) => key),
      blocks.tip.last.map(({ key }) => key),
    )
  })

  const faults: readonly { what: string; fault: string; change: (block: ReadBlock, blocks: Blocks) => Block }[] = [
    { what: "without the commit", fault: "COMMIT_MISPLACED", change: (block) => ({ ...block, commit: null }) },
    {
      what: "with a commit of too little power",
      fault: "COMMIT_INVALID",
      change: (_, blocks) => blocks.make([], blocks.votes(60, ["vera"])),
    },
    {
      what: "with a commit that leaves a place out",
      fault: "COMMIT_INVALID",
      change: (block) => ({ ...block, commit: { ...block.commit!, votes: block.commit!.votes.slice(1) } }),
    },
    {
      what: "of a proposer that is none",
      fault: "PROPOSER_UNKNOWN",
      change: (block) => ({ ...block, header: { ...block.header, proposer: "00".repeat(20) as Address } }),
    },
    {
      what: "with a transaction more than its header says",
      fault: "HEADER_WRONG",
      change: (block, { ledger }) => ({ ...block, transactions: [encodeTransaction(transfer(ledger))] }),
    },
    {
      what: "whose transaction has another signature",
      fault: "HEADER_WRONG",
      change: (_, blocks) => {
        const block = blocks.make([transfer(blocks.ledger)])
        const [first] = block.transactions
        return { ...block, transactions: [first!.with(-2, 1)] }
      },
    },
    ...(["height", "time"] as const).map((field) => ({
      what: `with another ${field}`,
      fault: "HEADER_WRONG",
      change: (block: ReadBlock) => ({ ...block, header: { ...block.header, [field]: block.header[field] + 1 } }),
    })),
    ...(
      ["parent", "appHash", "receipts", "deciders", "nextDeciders", "turns", "history", "seed", "preimage"] as const
    ).map((field) => ({
      what: `with another ${field}`,
      fault: "HEADER_WRONG",
      change: (block: ReadBlock) => ({ ...block, header: { ...block.header, [field]: "11".repeat(32) as Hash } }),
    })),
  ]
  for (const { what, fault, change } of faults) {
    it(`${what} cannot follow: ${fault}`, () => {
      const blocks = new Blocks()
      blocks.take(blocks.make())
      const changed = change(blocks.make(), blocks)
      assert.equal(blockFault(blocks.tip, readBlock(encodeBlock(changed))!), fault)
    })
  }

  it("takes no more beside its transactions than is left for that, with all votes and all transactions there may be", () => {
    const blocks = new Blocks()
    blocks.take(blocks.make())
    const { header, commit } = blocks.make()
    const [vote] = commit!.votes
    const full = {
      round: 2 ** 31 - 1,
      votes: Array.from({ length: VALIDATORS_MAX }, () => ({ ...vote!, time: 2 ** 50 })),
    }
    const size = (length: number) => {
      const transactions = Array.from({ length: BLOCK_TRANSACTIONS_MAX }, () => new Uint8Array(length))
      return encodeBlock({ header, commit: full, transactions }).length - BLOCK_TRANSACTIONS_MAX * length
    }
    // A list says its length in 1 to 3 bytes.
    for (const length of [0, 200, TRANSACTION_BYTES_MAX])
      assert.ok(size(length) <= BLOCK_FRAME_BYTES_MAX, `${size(length)}`)
  })

  it("that was changed anywhere in its bytes is none, or has another id, or cannot follow", () => {
    const blocks = new Blocks()
    blocks.take(blocks.make())
    const block = blocks.make([transfer(blocks.ledger)])
    const bytes = encodeBlock(block)
    const random = seededRandom(1)
    for (let i = 0; i < scaled(2000, 100_000); i++) {
      const changed = bytes.slice()
      for (let n = 0; n <= random.below(3); n++) changed[random.below(bytes.length)]! ^= 1 << random.below(8)
      const read = readBlock(changed.subarray(0, bytes.length - random.below(2) * random.below(40)))
      if (read === null || Buffer.compare(encodeBlock(read), bytes) === 0) continue
      assert.ok(read.id !== block.id || blockFault(blocks.tip, read) !== null)
      assert.equal(blockId(read.header), read.id)
    }
  })
})

describe("the time of a block", () => {
  const members = new Blocks().tip.next.members
  const at = (times: Readonly<Record<string, number>>) =>
    medianTime(
      {
        round: 0,
        votes: members.map(({ account }) => {
          const name = ["vera", "vic", "val", "vince"].find((one) => addressFor(one) === account)!
          return times[name] === undefined ? null : { time: times[name], signature: "" as never }
        }),
      },
      members,
    )

  it("is the median of its commit, by power", () => {
    assert.equal(at({ vera: 10, vic: 20, val: 30, vince: 40 }), 20)
    assert.equal(at({ vera: 40, vic: 30, val: 20, vince: 10 }), 30)
    assert.equal(at({ vera: 5, vic: 6, val: 7 }), 6)
    assert.equal(at({ vera: 10 ** 15, vic: 20, val: 21, vince: 22 }), 21)
  })

  it("is later than that of the block before, even where all clocks went back", () => {
    const blocks = new Blocks()
    blocks.take(blocks.make())
    blocks.take(blocks.make([], blocks.votes(5000)))
    blocks.take(blocks.make([], blocks.votes(1)))
    assert.equal(blocks.tip.time, 5001)
  })
})

describe("a commit", () => {
  it("names who is absent by its account", () => {
    const blocks = new Blocks()
    blocks.take(blocks.make())
    const block = blocks.make([], blocks.votes(60, ["vince"]))
    assert.deepEqual(applicationOf(blocks.tip, block).absent, [addressFor("vince")])
  })

  it("gives back the votes that it was made of, and needs more than two thirds of the power", () => {
    const blocks = new Blocks()
    blocks.take(blocks.make())
    const { tip } = blocks
    const votes = blocks.votes(60, ["vince"])
    const commit = commitOf(votes.toReversed(), tip.last)
    assert.deepEqual(votesOf(commit, tip.last, tip.height, tip.id as string as ValueId), votes)
    assert.equal(isCommitOf(commit, tip.last), true)
    assert.equal(isCommitOf(commitOf(blocks.votes(60, ["vince", "val"]), tip.last), tip.last), false)
  })
})

describe("the tip of a chain", () => {
  it("is read as it was written, with priorities below zero", () => {
    const blocks = new Blocks()
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(readTip(encodeTip(blocks.tip)), blocks.tip)
      blocks.take(blocks.make())
    }
    assert.ok(blocks.tip.next.queue.validators.some(({ priority }) => priority < 0n))
    assert.equal(readTip(encodeTip(blocks.tip).subarray(1)), null)
  })

  it("lets everybody propose as often as it has power", () => {
    const blocks = new Blocks()
    const counts = new Map<string, number>()
    for (let i = 0; i < 110; i++) {
      const { proposer } = blocks.tip.next.queue
      counts.set(proposer, (counts.get(proposer) ?? 0) + 1)
      blocks.take(blocks.make())
    }
    const share = (name: string) => counts.get(consensusAddress(keyOf(`consensus ${name}`)))
    assert.deepEqual(["vera", "vic", "val", "vince"].map(share), [40, 30, 30, 10])
  })

  it("has other deciders two heights after the block that changed them", () => {
    const blocks = new Blocks()
    blocks.take(
      blocks.make([
        blocks.ledger.transaction("vince", { kind: "unbond", validator: addressFor("vince"), lot: 0, amount: 1000n }),
      ]),
    )
    blocks.take(blocks.make())
    // The epoch ends in the block whose time is past its end: the one after the commit that says so.
    blocks.take(blocks.make([], blocks.votes(HOUR + 1)))
    const { height } = blocks.tip
    assert.equal(blocks.tip.next.members.length, 4)
    assert.equal(blocks.tip.afterNext.members.length, 3)
    blocks.take(blocks.make())
    assert.deepEqual([blocks.tip.height, blocks.tip.next.members.length], [height + 1, 3])
    assert.deepEqual(
      blocks.tip.next.queue.validators.map(({ address }) => address),
      blocks.tip.next.members.map(({ key }) => consensusAddress(key)),
    )
  })
})
