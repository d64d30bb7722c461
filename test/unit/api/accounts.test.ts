import assert from "node:assert/strict"
import { showAddress } from "../../../agent/base/address.ts"
import { toHex } from "../../../agent/base/bytes.ts"
import { chainIdOf, encodeGenesis } from "../../../agent/core/ledger/genesis.ts"
import { type ApiServer, startApiServer } from "../../support/api-server.ts"
import { homeOf, openNetwork } from "../../support/home-network.ts"
import { accountAddress, signedGenesis, signedTransaction, spoilt, transferTo } from "../../support/ledger/signed.ts"
import { tempDir } from "../../support/temp-dir.ts"

const NOBODY = "mesg1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqt9w6m5"
const MILLION = 1_000_000n

interface Sent {
  readonly id: string
  readonly state: string
  readonly height: number | null
  readonly fee: string | null
  readonly failure: string | null
}
interface Shown {
  readonly name: string | null
  readonly address: string
  readonly balance: string
  readonly nonce: number
  readonly member: boolean | null
}

describe("accounts and transactions over the API", function () {
  this.timeout(60_000)
  let server: ApiServer
  let home: string
  let stop: () => Promise<void>

  const serve = async () => {
    const opened = await openNetwork(home)
    await opened.network.start()
    server = await startApiServer({ change: (deps) => ({ ...deps, network: opened.network }) })
    stop = async () => {
      await server.stop()
      await opened.stop()
    }
  }
  beforeEach(async () => {
    home = tempDir("accounts")
    await serve()
  })
  afterEach(() => stop())

  const get = async <Answer>(path: string) => {
    const { status, body } = await server.call("GET", `/api/v1${path}`)
    assert.equal(status, 200, JSON.stringify(body))
    return body as Answer
  }
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    server.call("POST", `/api/v1${path}`, { body, headers })
  const send = async (wish: object) => {
    const { status, body } = await post("/transactions", wish, { prefer: "wait=20" })
    assert.equal(status, 200, JSON.stringify(body))
    return body as Sent
  }
  const codeOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as { code?: string }).code]
  const begin = async (tokens: object) => {
    assert.equal((await post("/network:init", { name: "test", ...tokens })).status, 200)
  }
  const staked = { balance: String(900n * MILLION), stake: String(100n * MILLION) }
  const lots = async () => (await get<{ items: Record<string, unknown>[] }>("/accounts/main/stake")).items

  it("makes, exports and imports accounts; a home that is on no chain says so", async () => {
    assert.deepEqual(await get("/accounts"), { items: [], cursor: null })
    const made = await post("/accounts", { name: "main" })
    assert.equal(made.status, 201)
    const { address, ...rest } = made.body as Shown & { key: string }
    assert.match(address, /^mesg1[a-z0-9]{38}$/)
    assert.deepEqual([rest.name, rest.balance], ["main", null])
    assert.deepEqual(codeOf(await post("/accounts", { name: "main" })), [409, "ACCOUNT_EXISTS"])
    const exported = (await post("/accounts/main:export", undefined)).body as { name: string; seed: string }
    assert.deepEqual(codeOf(await post("/accounts:import", { ...exported, name: "other" })), [409, "ACCOUNT_EXISTS"])
    await stop()
    home = tempDir("accounts-2")
    await serve()
    const imported = await post("/accounts:import", exported)
    assert.deepEqual([imported.status, (imported.body as Shown).address], [201, address])
    assert.deepEqual(codeOf(await post("/accounts/none:export", undefined)), [404, "ACCOUNT_NOT_FOUND"])
    for (const path of ["/accounts/main", "/accounts/main/stake", "/market", `/transactions/${"0".repeat(64)}`]) {
      assert.deepEqual(codeOf(await server.call("GET", `/api/v1${path}`)), [409, "CHAIN_NOT_JOINED"], path)
    }
    assert.deepEqual(codeOf(await post("/transactions", { kind: "unjail" })), [409, "CHAIN_NOT_JOINED"])
    assert.deepEqual(codeOf(await post("/network:leave", {})), [409, "CHAIN_NOT_JOINED"])
  })

  it("moves tokens; what it costs is the fee, and a balance outlives a start", async () => {
    await begin(staked)
    const sent = await send({ kind: "transfer", to: NOBODY, amount: "5" })
    assert.deepEqual([sent.state, sent.failure], ["done", null])
    assert.deepEqual(await get(`/transactions/${sent.id}`), sent)
    assert.equal((await get<Shown>(`/accounts/${NOBODY}`)).balance, "5")
    const left = 900n * MILLION - 5n - BigInt(sent.fee!)
    await stop()
    await serve()
    const main = await get<Shown>("/accounts/main")
    assert.deepEqual([main.balance, main.nonce, main.member], [String(left), 2, null])
    const block = await get<{ items: { transactions: number }[] }>("/network/blocks")
    assert.ok(block.items.some(({ transactions }) => transactions === 1))
  })

  it("sends many at once, each with a nonce of its own", async () => {
    await begin(staked)
    const all = await Promise.all(Array.from({ length: 20 }, () => send({ kind: "transfer", to: NOBODY, amount: "1" })))
    assert.deepEqual(new Set(all.map(({ state }) => state)), new Set(["done"]))
    assert.equal(new Set(all.map(({ id }) => id)).size, 20)
    assert.equal((await get<Shown>(`/accounts/${NOBODY}`)).balance, "20")
  })

  it("tells what failed and was paid for from what the chain does not take", async () => {
    await begin(staked)
    const failed = await send({ kind: "transfer", to: NOBODY, amount: String(901n * MILLION) })
    assert.deepEqual([failed.state, failed.failure], ["failed", "BALANCE_TOO_LOW"])
    assert.ok(BigInt(failed.fee!) > 0n)
    const dear = await post("/transactions", { kind: "unjail", feeLimit: "1" })
    assert.deepEqual(codeOf(dear), [422, "TRANSACTION_REFUSED"])
    assert.match(JSON.stringify(dear.body), /FEE_ABOVE_LIMIT/)
    await post("/accounts", { name: "poor" })
    const poor = await post("/transactions", { kind: "unjail", from: "poor" })
    assert.match(JSON.stringify(poor.body), /FEE_NOT_COVERED/)
    const paid = await send({ kind: "transfer", to: NOBODY, amount: "1", from: "poor", payer: "main" })
    assert.equal(paid.failure, "BALANCE_TOO_LOW")
    assert.deepEqual(codeOf(await server.call("GET", `/api/v1/transactions/${"0".repeat(64)}`)), [
      404,
      "TRANSACTION_NOT_FOUND",
    ])
  })

  it("stakes: bonds by delegation, lets a part of a lot leave, and refuses what is no stake", async () => {
    await begin(staked)
    const [first] = await lots()
    const validator = first!["validator"]
    assert.deepEqual(first, { validator, lot: 0, tokens: staked.stake, from: 0, until: null })
    assert.equal((await send({ kind: "delegate", validator, amount: "700" })).state, "done")
    assert.equal((await send({ kind: "unbond", validator, lot: 0, amount: "100" })).state, "done")
    assert.deepEqual(
      (await lots()).map(({ lot, tokens, from, until }) => [lot, tokens, from, until]),
      [
        [0, String(100n * MILLION - 100n), 0, null],
        [1, "700", 1, null],
        [2, "100", 0, 1],
      ],
    )
    assert.equal((await send({ kind: "bond", amount: "5" })).failure, "VALIDATOR_EXISTS")
    assert.equal((await send({ kind: "claim", validator, lot: 1 })).failure, "NOTHING_EARNED")
    assert.equal((await send({ kind: "unjail" })).failure, "NOT_JAILED")
    assert.equal((await send({ kind: "rotate" })).failure, "KEY_IN_USE")
  })

  it("shows the market", async () => {
    await begin(staked)
    const manifest = "ab".repeat(32)
    const listing = { kind: "publish-service", manifest, price: "7", deposit: String(MILLION) }
    assert.equal((await send(listing)).state, "done")
    const { address } = await get<Shown>("/accounts/main")
    assert.deepEqual(await get("/market"), {
      items: [{ manifest, developer: address, price: "7", deposit: String(MILLION), running: 0, retired: false }],
      cursor: null,
    })
    assert.deepEqual(await get(`/market?cursor=${manifest}`), { items: [], cursor: null })
  })

  it("takes what was signed elsewhere", async () => {
    await stop()
    home = homeOf("vera")
    await serve()
    const genesis = signedGenesis({ ann: 1_000_000n }, { vera: 1000n }, { time: Date.now() })
    assert.equal((await post("/network:join", { genesis: toHex(encodeGenesis(genesis)) })).status, 200)
    const signed = signedTransaction(chainIdOf(genesis), "ann", 0, transferTo("bob", 5n))
    const submit = (bytes: Uint8Array) =>
      post("/transactions:submit", { transaction: toHex(bytes) }, { prefer: "wait=20" })
    const { status, body } = await submit(signed)
    assert.deepEqual([status, (body as Sent).state], [200, "done"])
    assert.equal((await get<Shown>(`/accounts/${showAddress(accountAddress("bob"))}`)).balance, "5")
    for (const [bytes, reason] of [
      [signed, "NONCE_USED"],
      [spoilt(signedTransaction(chainIdOf(genesis), "ann", 1, transferTo("bob", 5n))), "SIGNATURE_INVALID"],
    ] as const) {
      const refused = await submit(bytes)
      assert.deepEqual(codeOf(refused), [422, "TRANSACTION_REFUSED"])
      assert.equal((refused.body as { reason: string }).reason, reason)
    }
  })

  it("says what of an input is wrong", async () => {
    await begin(staked)
    const wrong: readonly [object, RegExp][] = [
      [{ kind: "transfer", to: "mesg1abc", amount: "1" }, /an address is mesg1/],
      [{ kind: "transfer", to: NOBODY, amount: "abc" }, /string of digits/],
      [{ kind: "transfer", to: NOBODY, amount: "1".repeat(35) }, /at most 2\^96-1/],
      [{ kind: "transfer", to: NOBODY, amount: "1", memo: "x" }, /memo/],
      [{ kind: "mint" }, /kind/],
    ]
    for (const [wish, message] of wrong) {
      const answer = await post("/transactions", wish)
      assert.deepEqual(codeOf(answer), [422, "INPUT_INVALID"], JSON.stringify(wish))
      assert.match(JSON.stringify(answer.body), message)
    }
    assert.deepEqual(codeOf(await post("/network:init", { name: "again" })), [409, "CHAIN_JOINED"])
  })

  it("leaves a chain, and is on the next one with another key", async () => {
    await begin({})
    const fleet = await get<{ key: string; chain: { id: string } }>("/network")
    assert.equal((await get<Shown>("/accounts/main")).member, true)
    assert.equal((await post("/network:leave", {})).status, 204)
    const left = await get<{ key: string; chain: unknown }>("/network")
    assert.equal(left.chain, null)
    assert.notEqual(left.key, fleet.key)
    await begin(staked)
    assert.equal((await send({ kind: "transfer", to: NOBODY, amount: "5" })).state, "done")
    const approval = await post("/network:approve", {})
    assert.deepEqual(codeOf(approval), [409, "CHAIN_NOT_ENROLLED"])
  })
})
