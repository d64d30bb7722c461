import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { toHex } from "../../agent/base/bytes.ts"
import { chainIdOf, encodeGenesis } from "../../agent/core/ledger/genesis.ts"
import { onAgent, startAgent, type TestAgent } from "../support/agent.ts"
import { homeOf } from "../support/home-network.ts"
import { PARAMETERS } from "../support/ledger/chain.ts"
import { signedGenesis } from "../support/ledger/signed.ts"
import { until } from "../support/until.ts"

const ENABLED = ["network.enabled=true", "network.port=0"]

interface Status {
  readonly addresses: readonly string[]
  readonly chain: { readonly id: string; readonly height: number } | null
  readonly halted: string | null
}

const statusOf = (agent: TestAgent) => agent.json<Status>("network", "status")

describe("an agent and its chain", function () {
  this.timeout(180_000)

  it("has nothing to do with a network that is not enabled", async () => {
    await onAgent({}, async (agent) => {
      const { code, stderr } = await agent.cli("network", "status")
      assert.equal(code, 1)
      assert.match(stderr, /NETWORK_DISABLED/)
    })
  })

  it("joins it by the CLI, makes blocks when something is due, and goes on after it was killed", async () => {
    const home = homeOf("vera")
    // An epoch ends every second, so blocks are made though nobody asks for anything.
    const parameters = { ...PARAMETERS, epochMs: 1000 }
    const genesis = signedGenesis({ ann: 5n }, { vera: 1000n }, { time: Date.now(), parameters })
    const file = join(home, "genesis.json")
    writeFileSync(file, JSON.stringify({ genesis: toHex(encodeGenesis(genesis)) }))
    const height = async (agent: TestAgent) => {
      const { chain, halted } = await statusOf(agent)
      assert.equal(halted, null)
      return chain?.height ?? 0
    }
    const reach = (agent: TestAgent, least: number) =>
      until(async () => (await height(agent)) >= least, 60_000, `height ${least}`, 500)

    const first = await startAgent({ home, sets: ENABLED })
    assert.equal((await statusOf(first)).chain, null)
    assert.deepEqual(await first.json("network", "join", `@${file}`), { chain: chainIdOf(genesis) })
    await reach(first, 2)
    const before = await height(first)
    await first.kill()

    const second = await startAgent({ home, sets: ENABLED })
    const { chain, addresses } = await statusOf(second)
    assert.equal(chain?.id, chainIdOf(genesis))
    assert.match(addresses[0]!, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/)
    assert.ok(chain.height >= before)
    await reach(second, before + 2)
    assert.equal(await second.stop(), 0)
  })
})
