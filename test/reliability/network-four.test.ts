import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { toHex } from "../../agent/base/bytes.ts"
import { encodeGenesis } from "../../agent/core/ledger/genesis.ts"
import { Blocks } from "../../agent/engine/ledger/chain/blocks.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { homeOf } from "../support/home-network.ts"
import { PARAMETERS } from "../support/ledger/chain.ts"
import { signedGenesis } from "../support/ledger/signed.ts"
import { storeIn } from "../support/lmdb-store.ts"
import { until } from "../support/until.ts"

const NAMES = ["vera", "vic", "vlad", "val"] as const
const WAIT_MS = 120_000

interface Status {
  readonly addresses: readonly string[]
  readonly chain: { readonly height: number; readonly asksPeers: boolean } | null
  readonly halted: string | null
}

/** Four agents in processes of their own. Blocks are made because an epoch ends every second. */
describe("four agents", function () {
  this.timeout(300_000)
  const agents = new Map<string, TestAgent>()
  const outputs: string[] = []
  const homes = new Map(NAMES.map((name) => [name, homeOf(name)]))
  after(async () => {
    for (const agent of agents.values()) await agent.kill()
  })

  const statusOf = (name: string) => agents.get(name)!.json<Status>("network", "status")
  const start = async (name: (typeof NAMES)[number]) => {
    const known = []
    for (const other of agents.keys()) known.push(...(await statusOf(other)).addresses)
    const sets = ["network.enabled=true", "network.port=0", `network.peers=${known.join(",")}`]
    agents.set(name, await startAgent({ home: homes.get(name)!, sets }))
  }
  const kill = async (name: string) => {
    const agent = agents.get(name)!
    await agent.kill()
    outputs.push(agent.output())
    agents.delete(name)
  }
  const heights = async () => {
    const found = []
    for (const name of agents.keys()) {
      const { chain, halted } = await statusOf(name)
      assert.equal(halted, null, name)
      found.push(chain!.height)
    }
    return found
  }
  const reach = (height: number) =>
    until(async () => Math.min(...(await heights())) >= height, WAIT_MS, `height ${height} with everybody`, 500)

  it("form a chain, and one that is killed again and again comes back to it and signs nothing twice", async () => {
    const stakes = Object.fromEntries(NAMES.map((name) => [name, 1000n]))
    const genesis = signedGenesis({}, stakes, {
      time: Date.now(),
      parameters: { ...PARAMETERS, committee: 4, epochMs: 1000 },
    })
    const body = JSON.stringify({ genesis: toHex(encodeGenesis(genesis)) })
    for (const name of NAMES) {
      await start(name)
      const file = join(homes.get(name)!, "genesis.json")
      writeFileSync(file, body)
      await agents.get(name)!.json("network", "join", `@${file}`)
    }
    await reach(3)
    for (let i = 0; i < 3; i++) {
      await kill("val")
      await reach(Math.max(...(await heights())) + 2)
      await start("val")
      await reach(Math.max(...(await heights())) + 1)
    }
    // With another one gone nothing is decided without the one that was killed.
    await until(async () => !(await statusOf("val")).chain!.asksPeers, WAIT_MS, "its leave to sign", 500)
    await kill("vera")
    await reach(Math.max(...(await heights())) + 2)
    const least = Math.min(...(await heights()))
    for (const name of [...agents.keys()]) await kill(name)

    assert.doesNotMatch(outputs.join("\n"), /said two things|signs nothing any more|has halted/)
    const chains = []
    for (const name of NAMES.slice(1)) {
      const store = storeIn(join(homes.get(name)!, "data"))
      await store.start()
      const blocks = new Blocks(store)
      chains.push(Array.from({ length: least }, (_, i) => blocks.at(i + 1)?.block.id))
      await store.stop()
    }
    for (const chain of chains) assert.deepEqual(chain, chains[0])
    assert.ok(least > 8)
  })
})
