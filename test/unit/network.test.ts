import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isMesgError } from "../../agent/base/errors.ts"
import { chainIdOf, encodeGenesis, type Genesis } from "../../agent/core/ledger/genesis.ts"
import { accountAt } from "../../agent/core/ledger/state/records.ts"
import { State } from "../../agent/core/ledger/state/state.ts"
import { SystemClock } from "../../agent/io/clock/clock.ts"
import { openKeys } from "../../agent/io/keys/keys.ts"
import { systemRandom } from "../../agent/io/keys/random.ts"
import { Network } from "../../agent/network.ts"
import { KeptLog } from "../support/kept-log.ts"
import { storeIn } from "../support/lmdb-store.ts"
import { accountAddress, signedGenesis, signedTransaction, transferTo } from "../support/ledger/signed.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const WAIT_MS = 60_000
const NAMES = ["vera", "vic", "vlad", "val"] as const

/** A home whose consensus key is the one that `signedGenesis` gives to this name. */
function homeOf(name: string): string {
  const home = tempDir(`network-${name}`)
  mkdirSync(join(home, "consensus"), { mode: 0o700 })
  const seed = createHash("sha256").update(`real consensus ${name}`).digest("hex")
  writeFileSync(join(home, "consensus/key"), `${seed}\n`, { mode: 0o600 })
  return home
}

/** The network of a home, with the real store, keys, files and sockets. */
async function open(home: string, known: readonly string[]) {
  const log = new KeptLog()
  const store = storeIn(join(home, "data"), { log })
  await store.start()
  const clock = new SystemClock({ notBeforeMs: store.lastTimeMs() })
  const network = new Network({
    ...{ home, store, clock, log, known },
    keys: openKeys(join(home, "keys")),
    random: systemRandom,
    listen: { address: "127.0.0.1", port: 0 },
  })
  const stop = async () => {
    await network.stop()
    clock.stop()
    await store.stop()
  }
  return { network, stop }
}

type Opened = Awaited<ReturnType<typeof open>>

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
    const one = await open(
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
    assert.deepEqual(network.status(), { addresses: [], peers: [], chain: null })
    assert.equal(network.validator, null)
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
    for (const { network } of running) assert.equal(network.status().chain?.halted, null)
  })

  it("does not go on in a home that was restored: what its key signed is not on record", async () => {
    const home = homeOf("vera")
    const first = await started(home)
    await first.network.join(encodeGenesis(genesisNow(["vera"])))
    await stopped(first)
    rmSync(join(home, "consensus"), { recursive: true })
    const { network } = await started(home)
    await assert.rejects(network.start(), (error) => isMesgError(error) && error.code === "SIGN_STATE_MISSING")
    assert.equal(network.validator, null)
  })
})
