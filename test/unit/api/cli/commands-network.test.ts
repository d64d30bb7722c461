import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { toHex } from "../../../../agent/base/bytes.ts"
import { chainIdOf, encodeGenesis } from "../../../../agent/core/ledger/genesis.ts"
import { startApiServer } from "../../../support/api-server.ts"
import { mesg } from "../../../support/cli.ts"
import { homeOf, openNetwork } from "../../../support/home-network.ts"
import { signedGenesis } from "../../../support/ledger/signed.ts"

describe("commands of the network", () => {
  it("say what to enable, join a chain, and show where it stands", async () => {
    const { network, stop } = await openNetwork(homeOf("vera"))
    const disabled = await startApiServer()
    const enabled = await startApiServer({ change: (deps) => ({ ...deps, network }) })
    const run = (words: readonly string[]) => mesg(words, { home: enabled.home })
    const genesis = signedGenesis({ ann: 5n }, { vera: 1000n, vic: 1000n }, { time: Date.now() })
    const file = join(enabled.home, "genesis.json")
    writeFileSync(file, JSON.stringify({ genesis: toHex(encodeGenesis(genesis)) }))

    const refused = await mesg(["network", "status"], { home: disabled.home })
    assert.equal(refused.exitCode, 1)
    assert.match(refused.err, /NETWORK_DISABLED[^]*mesg config set network.enabled true/)

    const { out: before } = await run(["network", "status"])
    assert.match(before, new RegExp(`key +${network.status().key}\n`))
    assert.match(before, /chain +none \(mesg network join\)\n/)
    const joined = await run(["network", "join", `@${file}`])
    assert.deepEqual(joined, { exitCode: 0, out: `joined the chain ${chainIdOf(genesis)}\n`, err: "" })
    const { out: after } = await run(["network", "status"])
    assert.match(after, new RegExp(`chain +${chainIdOf(genesis)}\nheight +0, 0 transactions wait\n`))
    assert.match(after, /addresses +\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+\n/)
    // The other validator is not there.
    assert.match(after, /signs +nothing yet: it asks its peers first\n/)
    assert.equal((await run(["network", "blocks"])).out, "none\n")
    const validators = (await run(["network", "validators"])).out.trim().split("\n")
    assert.match(validators[0]!, /^ACCOUNT +POWER +KEY/)
    assert.deepEqual(
      validators.slice(1).map((line) => line.split(/ +/)[1]),
      ["1000", "1000"],
    )
    assert.equal(validators.filter((line) => line.endsWith("proposes")).length, 1)
    const again = await run(["network", "join", `@${file}`])
    assert.equal(again.exitCode, 1)
    assert.match(again.err, /CHAIN_JOINED/)

    await disabled.stop()
    await enabled.stop()
    await stop()
  })
})
