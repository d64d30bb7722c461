import assert from "node:assert/strict"
import { STATE_SYNC_AHEAD_MIN } from "../../agent/base/network-limits.ts"
import { encodeTip } from "../../agent/core/chain/tip.ts"
import { chainIdOf, encodeGenesis } from "../../agent/core/ledger/genesis.ts"
import type { Hash } from "../../agent/core/ledger/terms.ts"
import { homeOf, openNetwork } from "../support/home-network.ts"
import { accountAddress, signedGenesis, signedTransaction, transferTo } from "../support/ledger/signed.ts"
import { PARAMETERS } from "../support/ledger/chain.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const WAIT_MS = 60_000
type Opened = Awaited<ReturnType<typeof openNetwork>>

/** Its beginning is too long ago to trust who decided then. */
const GENESIS = signedGenesis({ ann: 1_000_000n }, { vera: 1000n }, { time: Date.now() - 2 * PARAMETERS.trustingMs })
const waiting = { waitMs: 30_000, signal: new AbortController().signal }

describe("a Core that comes late", function () {
  this.timeout(180_000)
  const opened: Opened[] = []
  let first: Opened["network"]
  let paid = 0
  const pay = async () => {
    const bytes = signedTransaction(chainIdOf(GENESIS), "ann", paid++, transferTo("bob", 1n))
    return (await first.wallet().submit(bytes, waiting)).receipt!.height
  }
  const open = async (home: string, known: readonly string[] = []) => {
    const one = await openNetwork(home, known)
    opened.push(one)
    return one.network
  }
  const late = () => open(tempDir("state-sync"), first.status().addresses)
  const tipOf = (network: Opened["network"]) => Buffer.from(encodeTip(network.blocks.tip()!)).toString("hex")
  const balance = (network: Opened["network"]) => network.state().account(accountAddress("bob")).balance
  const follows = (network: Opened["network"]) =>
    until(() => network.validator !== null && tipOf(network) === tipOf(first), WAIT_MS, "the same tip", 50)

  before(async () => {
    first = await open(homeOf("vera"))
    await first.join(encodeGenesis(GENESIS))
    while (first.blocks.tip()!.height < STATE_SYNC_AHEAD_MIN + 2) await pay()
  })
  after(() => Promise.all(opened.map((one) => one.stop())))

  it("fetches the state instead of the blocks, while it moves, and takes part from there", async () => {
    const network = await late()
    const { document, checkpoint } = first.genesis()
    const joining = network.join(document, checkpoint)
    for (let i = 0; i < 20; i++) await pay()
    assert.equal((await joining).ok, true)
    await follows(network)
    assert.equal(network.blocks.at(1), null, "its blocks were not asked for")
    assert.equal(balance(network), BigInt(paid))
    const height = await pay()
    await until(() => (network.blocks.tip()?.height ?? 0) >= height, WAIT_MS, "the next block", 50)
    assert.equal(balance(network), BigInt(paid))
  })

  it("takes every block where it has seen none that it could trust", async () => {
    const network = await late()
    const other = { height: 5, id: "ab".repeat(32) as Hash }
    assert.equal((await network.join(first.genesis().document, other)).ok, true)
    await follows(network)
    assert.match(JSON.stringify(opened.at(-1)!.log.lines), /CHECKPOINT_UNKNOWN/)
    assert.equal(network.blocks.at(1)?.block.header.height, 1)
    assert.equal(balance(network), BigInt(paid))
  })
})
