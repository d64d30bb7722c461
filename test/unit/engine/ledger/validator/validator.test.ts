import assert from "node:assert/strict"
import { encodeBlock } from "../../../../../agent/core/chain/block.ts"
import { votesOf } from "../../../../../agent/core/chain/commit.ts"
import { proposedMessage } from "../../../../../agent/core/chain/message.ts"
import type { SignedProposal, SignedVote } from "../../../../../agent/core/consensus/message.ts"
import { chainIdOf } from "../../../../../agent/core/ledger/genesis.ts"
import type { Signature } from "../../../../../agent/core/ledger/terms.ts"
import {
  accountAddress,
  consensusKey,
  signedGenesis,
  signedTransaction,
  spoilt,
  transferTo,
} from "../../../../support/ledger/signed.ts"
import { type Node, TestNetwork } from "../../../../support/ledger/validators.ts"

const NAMES = ["vera", "vic", "val", "vince"]
const GENESIS = signedGenesis({ ann: 100_000n, bob: 0n }, Object.fromEntries(NAMES.map((name) => [name, 1000n])))
const CHAIN = chainIdOf(GENESIS)
const send = (nonce: number) => signedTransaction(CHAIN, "ann", nonce, transferTo("bob", 5n))

describe("four validators", function () {
  this.timeout(30_000)
  let network: TestNetwork
  let vera: Node
  let vince: Node
  beforeEach(async () => {
    network = new TestNetwork(GENESIS, NAMES)
    await network.start()
    ;[vera, , , vince] = network.nodes as [Node, Node, Node, Node]
    await network.until(
      () => network.nodes.every(({ validator }) => !validator!.consensus.isWaitingForPeers),
      10_000,
      "that all may sign",
    )
  })
  afterEach(() => {
    for (const node of network.nodes) assert.deepEqual([node.halted, node.blamed], [[], []])
    network.stop()
  })
  const paid = (count: number, nodes = network.nodes) =>
    nodes.every(
      (node) =>
        node.validator !== null && node.balance("bob") === BigInt(count) * 5n && !node.validator.chain.tip.isBusy,
    )
  const areOne = () => {
    const height = Math.min(...network.nodes.map((node) => node.height))
    assert.ok(height > 0)
    for (let at = 1; at <= height; at++) {
      assert.equal(new Set(network.nodes.map((node) => node.blocks.at(at)!.block.id)).size, 1, `height ${at}`)
    }
  }

  it("have one chain: what one was sent all have, and then no block is made", async () => {
    for (let nonce = 0; nonce < 10; nonce++) assert.ok((await vera.validator!.submit(send(nonce))).ok)
    await network.until(() => paid(10), 30_000, "ten transfers")
    areOne()
    const { height } = vera
    network.clock.advance(60_000)
    await network.until(() => true, 0, "")
    assert.equal(vera.height, height)
  })

  it("put what comes behind a block into the one that says what it led to", async () => {
    assert.ok((await vera.validator!.submit(send(0))).ok)
    await network.until(() => network.nodes.every(({ height }) => height === 1), 1000, "the first block")
    assert.ok((await vera.validator!.submit(send(1))).ok)
    await network.until(() => paid(2), 30_000, "both transfers")
    const counts = Array.from({ length: vera.height }, (_, i) => vera.blocks.at(i + 1)!.block.transactions.length)
    assert.deepEqual(counts, [1, 1, 0])
  })

  it("go on without one of them, which catches up when it is back", async () => {
    network.cut.add("vince")
    assert.ok((await vera.validator!.submit(send(0))).ok)
    await network.until(() => paid(1, network.nodes.slice(0, 3)), 60_000, "a transfer without vince")
    assert.equal(vince.height, 0)
    network.cut.delete("vince")
    await network.until(() => paid(1), 60_000, "vince")
    areOne()
  })

  it("go on after each of them lost its power, whatever it was doing, and nobody signs twice", async () => {
    let sent = 0
    for (const [i, node] of [...network.nodes, ...network.nodes].entries()) {
      assert.ok((await network.nodes[(i + 1) % 4]!.validator!.submit(send(sent++))).ok)
      await network.until(() => network.clock.now() % (70 + i * 30) < 10, 1000, "some moment")
      node.crash()
      await network.until(
        () =>
          paid(
            sent,
            network.nodes.filter((one) => one !== node),
          ),
        60_000,
        "the others go on",
      )
      node.start()
      await network.until(() => paid(sent), 60_000, `${node.name} is back`)
    }
    areOne()
    assert.ok(
      network.nodes.every(({ log }) => !log.lines.some(({ message }) => /not signed|nothing more/.test(message))),
    )
  })

  it("go on where every second message is lost: who lacks it asks", async () => {
    let count = 0
    network.loses = () => ++count % 2 === 0
    assert.ok((await vera.validator!.submit(send(0))).ok)
    await network.until(() => paid(1), 120_000, "a transfer")
    areOne()
  })

  it("stand still where a third of the power is away, and go on when it is back", async () => {
    network.cut.add("vince").add("vic")
    assert.ok((await vera.validator!.submit(send(0))).ok)
    await network.until(() => network.clock.now() % 20_000 < 10, 30_000, "a while")
    assert.equal(vera.height, 0)
    network.cut.clear()
    await network.until(() => paid(1), 120_000, "a transfer")
    areOne()
  })

  it("believe nothing that a peer made of what was said, and all that was said", async () => {
    network.cut.add("vince")
    assert.ok((await vera.validator!.submit(send(0))).ok)
    await network.until(() => paid(1, network.nodes.slice(0, 3)), 60_000, "a transfer without vince")
    const behind = vince.validator!
    const { block, proposal, commit } = vera.blocks.at(1)!
    const { members } = behind.chain.tip.next
    const votes = votesOf(commit, members, 1, proposal.value)
    const false_ = <Said extends { signature: Uint8Array }>(said: Said) => ({
      ...said,
      signature: said.signature.with(3, said.signature[3]! ^ 1),
    })

    const [vote, another] = votes as [SignedVote, SignedVote]
    assert.equal(await behind.hearVote(false_(vote)), "reject")
    assert.equal(await behind.hearVote({ ...vote, voter: another.voter }), "reject")
    assert.equal(await behind.hearVote({ ...vote, value: null }), "reject")
    assert.equal(await behind.hearVote({ ...vote, voter: accountAddress("nobody") }), "reject")
    assert.equal(await behind.hearVote({ ...vote, height: 2 }), "ignore")
    assert.equal(await behind.hearVote(vote), "accept")
    assert.equal(await behind.hearVote(vote), "ignore")

    const bytes = encodeBlock(block)
    const other = encodeBlock({ ...block, header: { ...block.header, time: block.header.time + 1 } })
    const judge = (of: SignedProposal, content: Uint8Array) =>
      behind.judgeProposal(proposedMessage.encode({ proposal: of, polka: null, block: content }))
    assert.equal(await judge(false_(proposal), bytes), "reject")
    assert.equal(await judge(proposal, other), "reject")
    assert.equal(await judge({ ...proposal, round: proposal.round + 1 }, bytes), "ignore")

    const decided = { block: bytes, proposal, commit }
    const spoilt_ = commit.votes.map((one) => one && { ...one, signature: `00${one.signature.slice(2)}` as Signature })
    const few = commit.votes.map((one, place) => (place < 2 ? one : null))
    for (const [what, change] of [
      ["a signature of the commit", { commit: { ...commit, votes: spoilt_ } }],
      ["the power of the commit", { commit: { ...commit, votes: few } }],
      ["the signature of the proposal", { proposal: false_(proposal) }],
      ["the block", { block: other }],
    ] as const) {
      assert.equal(await behind.hearDecided({ ...decided, ...change }), false, what)
    }
    assert.equal(behind.chain.tip.height, 0)
    assert.equal(await behind.hearDecided(decided), true)
    assert.equal(await behind.chain.isPast(1), true)

    const nonce = new Uint8Array(32).fill(7)
    const told = vera.validator!.answerNewest(nonce, consensusKey("vince").address)
    assert.equal(await behind.hearNewest(nonce.with(0, 8), told), false)
    assert.equal(await behind.hearNewest(nonce, told.with(-5, told.at(-5)! ^ 1)), false)
    const aboutAnother = vera.validator!.answerNewest(nonce, consensusKey("val").address)
    assert.equal(await behind.hearNewest(nonce, aboutAnother), false)
    assert.equal(await behind.hearNewest(nonce, told), true)
    network.cut.delete("vince")
  })

  it("refuse what nobody signed, and pass on what is new to them", async () => {
    const { validator } = vera
    assert.equal(await validator!.judgeVote(Uint8Array.of(1)), "reject")
    assert.equal(await validator!.judgeProposal(Uint8Array.of(1)), "reject")
    assert.equal(await validator!.judgeTransactions(Uint8Array.of(1)), "reject")
    assert.deepEqual(await validator!.submit(spoilt(send(0))), { ok: false, code: "SIGNATURE_INVALID" })
  })
})
