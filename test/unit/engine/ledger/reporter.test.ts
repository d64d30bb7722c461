import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { fromHex } from "../../../../agent/base/bytes.ts"
import { voteBytes } from "../../../../agent/core/consensus/message.ts"
import type { ValueId } from "../../../../agent/core/consensus/terms.ts"
import { chainIdOf, encodeGenesis } from "../../../../agent/core/ledger/genesis.ts"
import { totalsAt, validatorAt } from "../../../../agent/core/ledger/state/records.ts"
import { State } from "../../../../agent/core/ledger/state/state.ts"
import { homeOf, openNetwork } from "../../../support/home-network.ts"
import { accountAddress, consensusKey, signedGenesis } from "../../../support/ledger/signed.ts"
import { until } from "../../../support/until.ts"

const WAIT_MS = 60_000
const NAMES = ["vera", "vic", "vlad"] as const
const STAKE = 100_000n

type Opened = Awaited<ReturnType<typeof openNetwork>>

/** Three that are right, of a chain of four: the fourth one's key says two things. */
describe("a report of who said two things", function () {
  this.timeout(180_000)
  const genesis = signedGenesis(
    { vera: 1_000n, vic: 1_000n, vlad: 1_000n },
    Object.fromEntries([...NAMES, "val"].map((name) => [name, STAKE])),
    { time: Date.now() },
  )
  const chain = chainIdOf(genesis)
  let running: Opened[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()))
  })

  const start = async (home: string, join: boolean) => {
    const one = await openNetwork(
      home,
      running.flatMap(({ network }) => network.status().addresses),
    )
    running.push(one)
    if (join) await one.network.join(encodeGenesis(genesis))
    else await one.network.start()
    return one
  }
  const vote = (height: number, name: string) => {
    const key = consensusKey("val")
    const value = createHash("sha256").update(name).digest("hex") as ValueId
    const said = { type: "prevote", height, round: 0, value, voter: key.address, timeMs: 1 } as const
    return { ...said, signature: key.sign(voteBytes(fromHex(chain)!, said)) }
  }
  const stateOf = ({ network }: Opened) => State.over(network.blocks)
  const isPunished = (one: Opened) => stateOf(one).get(validatorAt(accountAddress("val")))?.fault === 0
  const tellTwice = async (one: Opened) => {
    const validator = one.network.validator!
    for (const name of ["this", "that"]) await validator.hearVote(vote(validator.height, name))
  }
  const seen = (one: Opened) => one.network.blocks.evidence().length
  const arePunishing = () =>
    until(() => running.every((one) => isPunished(one) && seen(one) === 0), WAIT_MS, "the validator punished", 50)

  it("is made by those who saw it, and slashes once", async () => {
    const homes = NAMES.map(homeOf)
    for (const [i, home] of homes.entries()) {
      const one = await start(home, true)
      await one.network.accounts.add("mine", createHash("sha256").update(`real ${NAMES[i]}`).digest())
    }
    await until(() => running.every(({ network }) => network.status().peers.length === 2), WAIT_MS, "all in touch")
    for (const one of running) await tellTwice(one)
    await arePunishing()
    for (const one of running) {
      await until(() => stateOf(one).must(totalsAt).burned > 0n, WAIT_MS, "the slash")
      const { tokens } = stateOf(one).must(validatorAt(accountAddress("val")))
      const lost = STAKE - tokens
      assert.equal(lost, (STAKE * BigInt(genesis.parameters.slash)) / 10_000n)
      const reward = (lost * BigInt(genesis.parameters.reportShare)) / 10_000n
      assert.equal(stateOf(one).must(totalsAt).burned, lost - reward)
    }
  })

  it("is made after a restart too, as soon as an account can pay for it", async () => {
    const homes = NAMES.map(homeOf)
    for (const home of homes) await start(home, true)
    await until(() => running.every(({ network }) => network.status().peers.length === 2), WAIT_MS, "all in touch")
    await tellTwice(running[0]!)
    await until(() => seen(running[0]!) === 1, WAIT_MS, "the evidence kept")
    const [first] = running
    await until(
      () => first!.log.lines.some(({ message }) => message.includes("no account of this home can")),
      WAIT_MS,
      "it cannot be reported",
    )
    running = running.filter((one) => one !== first)
    await first!.stop()
    const again = await start(homes[0]!, false)
    assert.equal(seen(again), 1)
    await again.network.accounts.add("mine", createHash("sha256").update("real vera").digest())
    await arePunishing()
  })
})
