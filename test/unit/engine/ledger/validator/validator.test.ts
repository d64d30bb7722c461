import assert from "node:assert/strict"
import { chainIdOf } from "../../../../../agent/core/ledger/genesis.ts"
import { signedGenesis, signedTransaction, spoilt, transferTo } from "../../../../support/ledger/signed.ts"
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

  it("refuse what nobody signed, and pass on what is new to them", async () => {
    const { validator } = vera
    assert.equal(await validator!.judgeVote(Uint8Array.of(1)), "reject")
    assert.equal(await validator!.judgeProposal(Uint8Array.of(1)), "reject")
    assert.equal(await validator!.judgeTransactions(Uint8Array.of(1)), "reject")
    assert.deepEqual(await validator!.submit(spoilt(send(0))), { ok: false, code: "SIGNATURE_INVALID" })
  })
})
