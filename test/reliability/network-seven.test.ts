import assert from "node:assert/strict"
import { join } from "node:path"
import { seededRandom } from "../../agent/base/random.ts"
import { totalsAt, validatorAt } from "../../agent/core/ledger/state/records.ts"
import { Blocks } from "../../agent/engine/ledger/chain/blocks.ts"
import { whyNoLan } from "../support/lan.ts"
import { replayed } from "../support/ledger/replayed.ts"
import { accountAddress, consensusKey } from "../support/ledger/signed.ts"
import { storeIn } from "../support/lmdb-store.ts"
import { scaled } from "../support/scale.ts"
import { until } from "../support/until.ts"
import { Faults } from "./seven/faults.ts"
import { Memory } from "./seven/memory.ts"
import { CORRECT, FALSE, Seven, STAKE } from "./seven/seven.ts"
import { Transfers } from "./seven/transfers.ts"

const MINUTE_MS = 60_000
/** How long it goes on beyond one fault of each kind. */
const MINUTES = Number(process.env["SEVEN_MINUTES"] ?? scaled(0, 20))
const HOLD_MS = scaled(5000, 20_000)
const WAIT_MS = 180_000
/** From the end of what went wrong to the next block. */
const RECOVERY_MS = 10_000
/** Of the stake of who said two things 5 % are lost; 5 % of that has who reported it. */
const BURNED = (((STAKE * 5n) / 100n) * 95n) / 100n
/** Of what each agent wrote, where one of the tests fails. */
const LAST_CHARACTERS = 8000
/** Resident, of one agent. */
const MEMORY_MIB = 400

/**
 * Six agents and one that is not right, under load, on a LAN in which everything goes wrong. SEVEN_MINUTES says for how
 * long, beyond one fault of each kind.
 */
describe("seven agents under load", function () {
  this.timeout((MINUTES + 20) * MINUTE_MS)
  const why = whyNoLan()
  // Nothing of it can be tried there, which says nothing about the agent.
  if (why !== null) return void it(`are not run here: ${why}`)

  const beganMs = performance.now()
  let seven: Seven
  let faults: Faults
  let transfers: Transfers<(typeof CORRECT)[number]>
  let memory: Memory
  before(async () => {
    seven = new Seven()
    await seven.start()
    faults = new Faults(seven, seededRandom(7))
    transfers = new Transfers(seven.agents)
    memory = new Memory(() => seven.agents.memory())
    await seven.agents.reach(3)
  })
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(seven.agents.logs(LAST_CHARACTERS))
  })
  after(async () => {
    memory?.stop()
    await seven?.end()
  })
  const times = (word: RegExp) => (seven.agents.output().match(word) ?? []).length

  it("report the one that says two things, and go on without its votes", async () => {
    await seven.byzantine.begin("equivocate")
    const isOut = async () => {
      const { items } = await seven.agents.read<{ items: readonly { key: string }[] }>("vera", "/network/validators")
      return items.every(({ key }) => key !== consensusKey(FALSE).publicKey)
    }
    await until(isOut, WAIT_MS, "the committee without the one that said two things", 500)
    assert.ok(times(/a validator that said two things was reported/g) >= 1)
    const { done } = await seven.byzantine.end("equivocate")
    assert.ok(done.equivocate > 0)
  })

  it("go on while one is killed, stopped, stands still or is alone, and are flooded", async () => {
    await seven.byzantine.begin("flood")
    await faults.kill()
    await faults.freeze(HOLD_MS)
    await faults.restart()
    await faults.isolate(HOLD_MS)
    const { done } = await seven.byzantine.confess()
    assert.ok(done.flood > 1000, `${done.flood} messages of a flood`)
  })

  it("decide nothing on two sides, and go on when they are one again, while somebody lies about the chain", async () => {
    await seven.byzantine.begin("lie")
    await faults.part(HOLD_MS)
    await faults.partOneWay(HOLD_MS)
  })

  it("are upgraded one after the other", async () => {
    for (const name of CORRECT) await faults.upgrade(name)
  })

  it(`go on whatever comes, for ${MINUTES} minutes, and keep away the one that lies`, async () => {
    const endMs = beganMs + MINUTES * MINUTE_MS
    do await faults.any(HOLD_MS)
    while (performance.now() < endMs)
    const isAway = async () => {
      const { done } = await seven.byzantine.confess()
      return done.lie > 0 && times(/a peer is kept away for a while/g) > 0
    }
    await until(isAway, WAIT_MS, "the one that lies to be kept away", 500)
  })

  it("have one chain, every transfer that was in it, and all tokens at every block", async () => {
    await transfers.finish()
    await seven.byzantine.kill()
    const { agents } = seven
    const most = Math.max(...(await agents.heights()))
    await agents.reach(most)
    for (const name of CORRECT) {
      for (const [id, height] of transfers.committed) {
        const found = await agents.read<{ state: string; height: number }>(name, `/transactions/${id}`)
        assert.deepEqual({ state: found.state, height: found.height }, { state: "done", height }, `${id} at ${name}`)
      }
    }
    for (const name of CORRECT) await agents.stop(name)

    const stores = CORRECT.map((name) => storeIn(join(agents.homes.get(name)!, "data")))
    for (const store of stores) await store.start()
    const chains = stores.map((store) => new Blocks(store))
    const tips = chains.map((blocks) => blocks.tip()!)
    const longest = tips.reduce((a, b) => (b.height > a.height ? b : a))
    const { appHashes, transactions, chain } = await replayed(
      seven.genesis,
      chains[tips.indexOf(longest)]!,
      longest.height,
    )
    for (const [i, name] of CORRECT.entries()) {
      const { height, appHash } = tips[i]!
      assert.equal(appHash, appHashes[height], `the state of ${name} at ${height}`)
      for (let at = 1; at <= height; at++) {
        assert.equal(
          chains[i]!.at(at)?.block.id,
          chains[tips.indexOf(longest)]!.at(at)?.block.id,
          `block ${at} of ${name}`,
        )
      }
    }
    for (const store of stores) await store.stop()

    for (const [id, height] of transfers.committed)
      assert.deepEqual(transactions.get(id), { height, failure: null }, id)
    assert.notEqual(chain.get(validatorAt(accountAddress(FALSE)))!.fault, null)
    assert.equal(chain.get(totalsAt)!.burned, BURNED, "it was slashed once")
    assert.doesNotMatch(agents.output(), /signs nothing any more|has halted|ends because of an error/)
    const worst = Math.max(...faults.done.map(({ nextMs }) => nextMs))
    const slowest = Math.max(...faults.done.map(({ allMs }) => allMs))
    const mostMib = Math.max(...memory.most.values())
    const late = [...transfers.open].filter((id) => transactions.has(id)).length
    console.log(
      `      ${longest.height} blocks, ${transactions.size} transactions: ${transfers.committed.size} told to their senders, ${transfers.open.size} not (${late} in a block later), ${transfers.refused} refused (${[...transfers.refusals].join(", ")}), ${transfers.broken} broken off
      ${faults.done.length} faults: next block within ${worst} ms, with everybody within ${slowest} ms; most memory of one ${mostMib.toFixed(0)} MiB; ${((performance.now() - beganMs) / 1000).toFixed(0)} s`,
    )
    assert.ok(transfers.committed.size > 20)
    assert.ok(worst <= RECOVERY_MS, `the next block came within ${worst} ms`)
    assert.ok(mostMib <= MEMORY_MIB, `an agent had ${mostMib} MiB`)
  })
})
