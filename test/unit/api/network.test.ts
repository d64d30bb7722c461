import assert from "node:assert/strict"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { addressOf, showAddress } from "../../../agent/base/address.ts"
import { fromHex, toHex } from "../../../agent/base/bytes.ts"
import { chainIdOf, encodeGenesis, type Genesis } from "../../../agent/core/ledger/genesis.ts"
import type { Signature } from "../../../agent/core/ledger/terms.ts"
import { until } from "../../support/until.ts"
import { type ApiServer, startApiServer } from "../../support/api-server.ts"
import { homeOf, openNetwork } from "../../support/home-network.ts"
import { signedGenesis } from "../../support/ledger/signed.ts"

const GENESIS = signedGenesis({ ann: 5n }, { vera: 1000n }, { time: Date.now() })
const documentOf = (genesis: Genesis) => ({ genesis: toHex(encodeGenesis(genesis)) })

describe("the network over the API", function () {
  this.timeout(60_000)
  let server: ApiServer
  let stop: () => Promise<void>

  async function serve(home: string) {
    const opened = await openNetwork(home)
    server = await startApiServer({ change: (deps) => ({ ...deps, network: opened.network }) })
    stop = async () => {
      await server.stop()
      await opened.stop()
    }
    return opened.network
  }
  const joins = (genesis: unknown) => server.call("POST", "/api/v1/network:join", { body: genesis })
  const codeOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as { code?: string }).code]

  it("is refused with NETWORK_DISABLED where none is enabled", async () => {
    server = await startApiServer()
    assert.deepEqual(codeOf(await server.call("GET", "/api/v1/network")), [409, "NETWORK_DISABLED"])
    assert.deepEqual(codeOf(await joins(documentOf(GENESIS))), [409, "NETWORK_DISABLED"])
    await server.stop()
  })

  it("refuses documents that no chain can begin with, each with its code, and joins after all", async () => {
    const network = await serve(homeOf("vera"))
    const [vera] = GENESIS.validators
    const unsigned = { ...GENESIS, validators: [{ ...vera!, proof: "00".repeat(64) as Signature }] }
    assert.deepEqual(codeOf(await joins({ genesis: "0102" })), [422, "GENESIS_UNREADABLE"])
    assert.deepEqual(codeOf(await joins(documentOf({ ...GENESIS, validators: [] }))), [422, "GENESIS_REFUSED"])
    assert.deepEqual(codeOf(await joins(documentOf(unsigned))), [422, "GENESIS_UNSIGNED"])
    assert.deepEqual((await server.call("GET", "/api/v1/network")).body, {
      ...{ addresses: [], peers: [], chain: null, halted: null },
      key: network.status().key,
    })
    assert.deepEqual((await joins(documentOf(GENESIS))).body, { chain: chainIdOf(GENESIS) })
    assert.deepEqual(codeOf(await joins(documentOf(GENESIS))), [409, "CHAIN_JOINED"])
    const { chain, addresses } = network.status()
    assert.equal(chain?.id, chainIdOf(GENESIS))
    assert.equal(addresses.length, 1)
    await stop()
  })

  it("shows blocks and validators, and joins no chain again with a key that has signed there", async () => {
    // Its epoch is over: it makes blocks at once.
    const due = signedGenesis({ ann: 5n }, { vera: 1000n }, { time: 1_700_000_000_000 })
    const home = homeOf("vera")
    const network = await serve(home)
    assert.equal((await joins(documentOf(due))).status, 200)
    await until(() => (network.status().chain?.height ?? 0) > 2, 20_000, "three blocks", 10)
    interface Listed {
      items: Record<string, unknown>[]
      cursor: string | null
    }
    const list = async (query: string) => (await server.call("GET", `/api/v1/network/blocks${query}`)).body as Listed
    const newest = await list("?limit=1")
    const height = newest.items[0]!["height"] as number
    assert.equal(newest.cursor, String(height))
    const older = await list(`?limit=1000&cursor=${height}`)
    assert.deepEqual(
      older.items.map((block) => block["height"]),
      Array.from({ length: height - 1 }, (_, i) => height - 1 - i),
    )
    const { id, time, ...first } = older.items.at(-1)!
    const { key } = network.status()
    const address = addressOf(fromHex(key)!)
    assert.deepEqual(first, { height: 1, transactions: 0, proposer: showAddress(address), round: 0, votes: 1 })
    assert.deepEqual([time, String(id).length, older.cursor], ["2023-11-14T22:13:20.001Z", 64, null])
    assert.deepEqual(codeOf(await server.call("GET", "/api/v1/network/blocks?cursor=x")), [422, "INPUT_INVALID"])
    const account = due.validators[0]!.account
    assert.deepEqual((await server.call("GET", "/api/v1/network/validators")).body, {
      items: [{ account: showAddress(account), key, address: showAddress(address), power: "1000", proposes: true }],
      cursor: null,
    })
    await stop()
    rmSync(join(home, "data"), { recursive: true })
    await serve(home)
    assert.deepEqual(codeOf(await joins(documentOf(due))), [409, "SIGN_STATE_EXISTS"])
    await stop()
  })
})
