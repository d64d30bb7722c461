import assert from "node:assert/strict"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { isMesgError } from "../../agent/base/errors.ts"
import { genesisLight } from "../../agent/core/chain/light.ts"
import { chainIdOf, encodeGenesis, type Genesis } from "../../agent/core/ledger/genesis.ts"
import { accountAt } from "../../agent/core/ledger/state/records.ts"
import { State } from "../../agent/core/ledger/state/state.ts"
import { homeOf, openNetwork } from "../support/home-network.ts"
import { accountAddress, signedGenesis, signedTransaction, transferTo } from "../support/ledger/signed.ts"
import { until } from "../support/until.ts"

const WAIT_MS = 60_000
const NAMES = ["vera", "vic", "vlad", "val"] as const

type Opened = Awaited<ReturnType<typeof openNetwork>>

describe("the network of a home", function () {
  this.timeout(120_000)
  let running: Opened[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()))
  })

  const genesisNow = (names: readonly string[]): Genesis =>
    signedGenesis({ ann: 1_000_000n, bob: 0n }, Object.fromEntries(names.map((name) => [name, 1000n])), {
      time: Date.now(),
    })
  const started = async (home: string) => {
    const one = await openNetwork(
      home,
      running.flatMap(({ network }) => network.status().addresses),
    )
    running.push(one)
    return one
  }
  const stopped = async (one: Opened) => {
    running = running.filter((each) => each !== one)
    await one.stop()
  }
  const balance = ({ network }: Opened) => State.over(network.blocks).get(accountAt(accountAddress("bob")))?.balance
  const have = (amount: bigint) =>
    until(
      () => running.every((one) => balance(one) === amount && one.network.validator?.chain.tip.isBusy === false),
      WAIT_MS,
      `${amount} with everybody`,
      20,
    )

  it("is nothing before it has joined a chain", async () => {
    const { network } = await started(homeOf("vera"))
    await network.start()
    const { key, ...status } = network.status()
    assert.match(key, /^[0-9a-f]{64}$/)
    assert.deepEqual(status, { addresses: [], peers: [], chain: null, halted: null })
    assert.equal(network.validator, null)
  })

  it("says so while its state is being fetched, after a start too, and decides nothing", async () => {
    const home = homeOf("vera")
    const one = await started(home)
    const genesis = genesisNow(["vera"])
    await one.network.join(encodeGenesis(genesis))
    await one.network.blocks.beginFetching(genesisLight(one.network.blocks.tip()!))
    await stopped(one)
    const { network } = await started(home)
    await network.start()
    assert.equal(network.validator, null)
    assert.equal(network.status().chain?.fetching, true)
    for (const asked of [() => network.wallet(), () => network.state()]) {
      assert.throws(asked, { code: "STATE_INCOMPLETE" })
    }
  })

  it("forms a chain with three others, and one that was stopped goes on from its disk", async () => {
    const genesis = genesisNow(NAMES)
    const homes = NAMES.map(homeOf)
    for (const home of homes) {
      const { network } = await started(home)
      assert.deepEqual(await network.join(encodeGenesis(genesis)), { ok: true, chain: chainIdOf(genesis) })
    }
    const send = async (by: Opened, nonce: number) => {
      const bytes = signedTransaction(chainIdOf(genesis), "ann", nonce, transferTo("bob", 5n))
      assert.ok((await by.network.validator!.submit(bytes)).ok)
    }
    await send(running[1]!, 0)
    await have(5n)
    await stopped(running[3]!)
    await send(running[0]!, 1)
    await have(10n)
    const back = await started(homes[3]!)
    await back.network.start()
    await have(10n)
    // From here on nothing is decided without the one that came back.
    await stopped(running[0]!)
    await send(back, 2)
    await have(15n)
    const heights = running.map(({ network }) => network.validator!.chain.tip.height)
    const ids = running.map(({ network }) => network.blocks.at(Math.min(...heights))!.block.id)
    assert.equal(new Set(ids).size, 1)
    for (const { network } of running) assert.equal(network.status().halted, null)
  })

  it("does not go on in a home that was restored: what its key signed is not on record", async () => {
    const home = homeOf("vera")
    const first = await started(home)
    await first.network.join(encodeGenesis(genesisNow(["vera"])))
    await stopped(first)
    rmSync(join(home, "consensus"), { recursive: true })
    const { network } = await started(home)
    await assert.rejects(network.start(), (error) => isMesgError(error) && error.code === "SIGN_STATE_MISSING")
    await network.resume()
    assert.match(network.status().halted ?? "", /signed on this chain is not on record/)
    assert.equal(network.validator, null)
  })
})
