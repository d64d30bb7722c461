import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { toHex } from "../../../../agent/base/bytes.ts"
import { chainIdOf, encodeGenesis } from "../../../../agent/core/ledger/genesis.ts"
import { startApiServer } from "../../../support/api-server.ts"
import { mesg } from "../../../support/cli.ts"
import { homeOf, openNetwork } from "../../../support/home-network.ts"
import { signedGenesis } from "../../../support/ledger/signed.ts"
import { tempDir } from "../../../support/temp-dir.ts"

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
    assert.match(before, /chain +none \(mesg network init, mesg network join\)\n/)
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

  it("begin a chain, move tokens and stake on it, and show what was done", async () => {
    const { network, stop } = await openNetwork(tempDir("commands-network"))
    const server = await startApiServer({ change: (deps) => ({ ...deps, network }) })
    const run = (words: readonly string[]) => mesg(words, { home: server.home })
    const lines = async (words: readonly string[]) => (await run(words)).out.trim().split("\n")
    const failing = async (words: readonly string[], why: RegExp) => {
      const { exitCode, out, err } = await run(words)
      assert.equal(exitCode, 1, words.join(" "))
      assert.match(out + err, why)
    }

    assert.match((await run(["account", "create", "till"])).out, /^till: mesg1\w{38}\n$/)
    const exported = await run(["account", "export", "till"])
    await failing(["account", "import", exported.out], /ACCOUNT_EXISTS/)
    const begun = await run(["network", "init", "shop", "--balance", "5000000", "--stake", "2000000"])
    assert.match(begun.out, /^began the chain \w{64}\nOthers join with its document: mesg network genesis/)
    assert.match((await run(["network", "genesis"])).out, /"genesis": "\w{200,}"/)
    const accounts = await lines(["account", "list"])
    const till = accounts.find((line) => line.startsWith("till"))!.split(/ +/)[1]!
    const sent = await run(["transfer", till, "1000"])
    assert.match(sent.out, /^\w{64} done \(block \d+, fee \d+\)\n$/)
    assert.equal((await run(["network", "tx", sent.out.slice(0, 64)])).out, sent.out)
    assert.match((await run(["account", "show", "till"])).out, /name +till\n[^]*balance +1000\n/)
    await failing(["transfer", till, "1", "--fee-limit", "1"], /FEE_ABOVE_LIMIT/)

    const [, lot] = await lines(["stake", "show", "main"])
    assert.match(lot!, /^mesg1\w+ +0 +2000000 +0 +-$/)
    const validator = lot!.split(" ")[0]!
    assert.match((await run(["stake", "delegate", validator, "700"])).out, / done /)
    assert.match((await run(["stake", "unbond", validator, "0", "100"])).out, / done /)
    assert.equal((await lines(["stake", "show", "main"])).length, 4)
    await failing(["stake", "claim", validator, "2"], /failed: NOTHING_EARNED/)
    await failing(["stake", "bond", "5"], /failed: VALIDATOR_EXISTS/)
    await failing(["stake", "unjail"], /failed: NOT_JAILED/)
    await failing(["stake", "rotate"], /failed: KEY_IN_USE/)
    assert.equal((await run(["market", "show"])).out, "none\n")

    await failing(["network", "submit", '{"transaction": "00"}'], /TRANSACTION_UNREADABLE/)
    await failing(["network", "approve", "{}"], /CHAIN_NOT_ENROLLED/)
    await failing(["network", "change", "{}"], /failed: NOT_ON_THIS_CHAIN/)
    assert.match((await run(["network", "enrolment"])).out, /"account": "mesg1\w+"/)
    assert.equal((await run(["network", "leave"])).out, "done\n")
    await failing(["account", "show", "main"], /CHAIN_NOT_JOINED/)

    await server.stop()
    await stop()
  })
})
