import assert from "node:assert/strict"
import { join } from "node:path"
import { Blocks } from "../../agent/engine/ledger/chain/blocks.ts"
import { PARAMETERS } from "../support/ledger/chain.ts"
import { signedGenesis } from "../support/ledger/signed.ts"
import { storeIn } from "../support/lmdb-store.ts"
import { until } from "../support/until.ts"
import { ValidatorAgents } from "../support/validator-agents.ts"

const NAMES = ["vera", "vic", "vlad", "val"] as const
const WAIT_MS = 120_000

/** Four agents in processes of their own. Blocks are made because an epoch ends every second. */
describe("four agents", function () {
  this.timeout(300_000)
  const agents: ValidatorAgents<(typeof NAMES)[number]> = new ValidatorAgents(NAMES, async () => {
    const known: string[] = []
    for (const other of agents.awake) known.push(...(await agents.statusOf(other)).addresses)
    return { sets: ["network.enabled=true", "network.port=0", `network.peers=${known.join(",")}`] }
  })
  after(() => agents.killAll())

  it("form a chain, and one that is killed again and again comes back to it and signs nothing twice", async () => {
    const stakes = Object.fromEntries(NAMES.map((name) => [name, 1000n]))
    const genesis = signedGenesis({}, stakes, {
      time: Date.now(),
      parameters: { ...PARAMETERS, committee: 4, epochMs: 1000 },
    })
    for (const name of NAMES) {
      await agents.start(name)
      await agents.join(name, genesis)
    }
    await agents.reach(3)
    const further = async (more: number) => agents.reach(Math.max(...(await agents.heights())) + more)
    for (let i = 0; i < 3; i++) {
      await agents.kill("val")
      await further(2)
      await agents.start("val")
      await further(1)
    }
    // With another one gone nothing is decided without the one that was killed.
    await until(async () => !(await agents.statusOf("val")).chain!.asksPeers, WAIT_MS, "its leave to sign", 500)
    await agents.kill("vera")
    await further(2)
    const least = Math.min(...(await agents.heights()))
    await agents.killAll()

    assert.doesNotMatch(agents.output(), /said two things|signs nothing any more|has halted/)
    const chains = []
    for (const name of NAMES.slice(1)) {
      const store = storeIn(join(agents.homes.get(name)!, "data"))
      await store.start()
      const blocks = new Blocks(store)
      chains.push(Array.from({ length: least }, (_, i) => blocks.at(i + 1)?.block.id))
      await store.stop()
    }
    for (const chain of chains) assert.deepEqual(chain, chains[0])
    assert.ok(least > 8)
  })
})
