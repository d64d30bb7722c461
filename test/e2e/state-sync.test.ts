import assert from "node:assert/strict"
import { showAddress } from "../../agent/base/address.ts"
import { STATE_SYNC_AHEAD_MIN } from "../../agent/base/network-limits.ts"
import { encodeTip } from "../../agent/core/chain/tip.ts"
import { openNetwork } from "../support/home-network.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const WAIT_MS = 60_000
type Opened = Awaited<ReturnType<typeof openNetwork>>

describe("a Core that comes late", function () {
  this.timeout(180_000)
  const opened: Opened[] = []
  after(() => Promise.all(opened.map((one) => one.stop())))

  const open = async (known: readonly string[] = []) => {
    const one = await openNetwork(tempDir("state-sync"), known)
    opened.push(one)
    return one.network
  }
  const { signal } = new AbortController()
  const options = { from: "main", payer: null, feeLimit: null, waitMs: 30_000, signal }
  const tipOf = (network: Opened["network"]) => Buffer.from(encodeTip(network.blocks.tip()!)).toString("hex")

  it("fetches the state instead of the blocks, while it moves, and takes part from there", async () => {
    const first = await open()
    const tokens = { balance: 10n ** 12n, stake: 10n ** 9n }
    await first.found({ name: "late", account: "main", tokens })
    const till = await first.accounts.create("till")
    const to = first.accounts.keyOf(till.name).address
    const pay = () => first.wallet().send({ kind: "transfer", to, amount: 1n }, options)
    let paid = 0
    for (; first.blocks.tip()!.height < STATE_SYNC_AHEAD_MIN + 2; paid++) await pay()

    const late = await open(first.status().addresses)
    const joining = late.join(first.genesis())
    // Meanwhile the chain goes on.
    for (let i = 0; i < 20; i++, paid++) await pay()
    assert.equal((await joining).ok, true)
    const isThere = () => late.validator !== null && tipOf(late) === tipOf(first)
    await until(isThere, WAIT_MS, "the same tip", 50)
    assert.equal(late.blocks.at(1), null, "its blocks were not asked for")
    assert.equal(late.state().account(to).balance, BigInt(paid), showAddress(to))
    const { receipt } = await first.wallet().send({ kind: "transfer", to, amount: 1n }, options)
    await until(() => (late.blocks.tip()?.height ?? 0) >= receipt!.height, WAIT_MS, "the next block", 50)
    assert.equal(late.state().account(to).balance, BigInt(paid + 1))
  })
})
