import assert from "node:assert/strict"
import { toHex, utf8 } from "../../../../../agent/base/bytes.ts"
import { genesisLight, readLightBlock } from "../../../../../agent/core/chain/light.ts"
import { headMessage, partsMessage, partsWantedMessage } from "../../../../../agent/core/chain/message.ts"
import { encodeTip, type Tip } from "../../../../../agent/core/chain/tip.ts"
import type { Address } from "../../../../../agent/base/address.ts"
import { chainIdOf, type Genesis } from "../../../../../agent/core/ledger/genesis.ts"
import type { Hash } from "../../../../../agent/core/ledger/terms.ts"
import { Blocks } from "../../../../../agent/engine/ledger/chain/blocks.ts"
import { Parts } from "../../../../../agent/engine/ledger/chain/parts.ts"
import type { QuestionName, Shell } from "../../../../../agent/engine/ledger/validator/shell.ts"
import { fetchState } from "../../../../../agent/engine/ledger/validator/state-sync.ts"
import { SystemClock } from "../../../../../agent/io/clock/clock.ts"
import { verifier } from "../../../../../agent/io/keys/verifier.ts"
import { TABLE } from "../../../../../agent/schema/tables.ts"
import { newMachine, startAlone } from "../../../../support/ledger/lone-validator.ts"
import { accountAddress, signedGenesis, signedTransaction, transferTo } from "../../../../support/ledger/signed.ts"
import { MemoryStore } from "../../../../support/memory-store.ts"
import { until } from "../../../../support/until.ts"

/** More than one part has room for. */
const MANY = 9000
const names = Array.from({ length: MANY }, (_, i) => i.toString(16).padStart(40, "0"))
const PLAIN = signedGenesis({ ann: 100_000n }, { vera: 1000n }, { time: Date.now() - 60_000 })
const accounts = names.map((address) => ({ address: address as Address, balance: 1n }))
const LARGE: Genesis = { ...PLAIN, accounts: [...PLAIN.accounts, ...accounts] }

type Answers = (question: QuestionName, request: Uint8Array) => Uint8Array | null

describe("a state that is fetched", function () {
  this.timeout(60_000)
  let running: ReturnType<typeof startAlone>
  let machine: Awaited<ReturnType<typeof newMachine>>
  let genesis: Genesis
  let nonce: number
  const clock = new SystemClock({ notBeforeMs: 0 })
  after(() => clock.stop())

  const pay = async () => {
    const before = running.chain.tip.height
    machine.clock.advance(10)
    const bytes = signedTransaction(chainIdOf(genesis), "ann", nonce++, transferTo("bob", 5n))
    assert.ok((await running.chain.submit(bytes)).ok)
    const isOver = () => {
      const { waiting, tip } = running.chain
      // What says only to which state a block led waits for a while (K10).
      if (waiting === 0 && tip.isBusy) machine.clock.advance(1)
      return tip.height > before + 1 && !tip.isBusy
    }
    await until(isOver, 5000, "the block and its state", 1)
  }
  const start = async (of: Genesis) => {
    genesis = of
    machine = await newMachine(genesis, "vera")
    running = startAlone(machine, genesis, "vera")
    nonce = 0
    for (let i = 0; i < 3; i++) await pay()
  }
  beforeEach(() => start(PLAIN))
  afterEach(() => running.chain.stop())

  const honest: Answers = (question, request) => {
    const { blocks } = running
    if (question === "head") return headMessage.encode(blocks.head()!)
    if (question === "parts") return partsMessage.encode(blocks.parts(partsWantedMessage.read(request)!))
    if (question === "header") return blocks.lightAt(new DataView(request.buffer).getUint32(4))
    return null
  }
  const fetched = async (answers: (asked: number, ...question: Parameters<Answers>) => Promise<Uint8Array | null>) => {
    const store = new MemoryStore()
    const blocks = new Blocks(store)
    await blocks.begin(genesis)
    const blamed: string[] = []
    let asked = 0
    const shell: Shell = {
      publish: () => {},
      peers: () => ["vera"],
      ask: (_, question, request) => answers(asked++, question, request),
      blame: (peer) => void blamed.push(peer),
    }
    const parts = new Parts(store)
    const { signal } = new AbortController()
    const around = { blocks, parts, verifier: verifier(), clock, shell, signal }
    const trusted = genesisLight(blocks.tip()!)
    const trustingMs = PLAIN.parameters.trustingMs
    const result = await fetchState("vera", trusted, { ...around, trustingMs, leave: async () => true })
    return { result, store, blocks, blamed, asked }
  }
  const recordsOf = (store: MemoryStore) =>
    [TABLE.chainRecord, TABLE.chainPlace, TABLE.chainNode].map((table) => [...store.range(table)])
  const bytesOf = (tip: Tip) => toHex(encodeTip(tip))

  it("is the same in every record and node, in parts, and its tip is the one before the last block", async () => {
    running.chain.stop()
    await start(LARGE)
    const { result, store, blocks, asked } = await fetched(async (_, ...question) => honest(...question))
    assert.ok(result.ok)
    assert.deepEqual(recordsOf(store), recordsOf(machine.store))
    const before = machine.store.get(TABLE.chainTip, ["before"]) as { bytes: Uint8Array }
    assert.equal(bytesOf(blocks.tip()!), toHex(before.bytes))
    assert.equal(blocks.fetching(), null)
    // Where it stands, all of it, which is too large, its sixteenths, and where it stands now.
    assert.equal(asked, 4)
  })

  it("is of one moment, though blocks are made while it is fetched", async () => {
    const { result, store } = await fetched(async (asked, ...question) => {
      const answer = honest(...question)
      if (asked > 0 && asked < 5) await pay()
      return answer
    })
    assert.ok(result.ok)
    assert.deepEqual(recordsOf(store), recordsOf(machine.store))
  })

  type Lie = readonly [what: string, code: string, answers: Answers]
  const withHead =
    (change: (head: ReturnType<Blocks["head"]> & object) => object): Answers =>
    (question, request) => {
      const answer = honest(question, request)
      if (question !== "head") return answer
      return headMessage.encode({ ...headMessage.read(answer!)!, ...change(headMessage.read(answer!)!) })
    }
  const withParts =
    (change: (answer: ReturnType<Blocks["parts"]>) => object): Answers =>
    (question, request) => {
      const answer = honest(question, request)
      if (question !== "parts") return answer
      return partsMessage.encode({ ...partsMessage.read(answer!)!, ...change(partsMessage.read(answer!)!) })
    }
  const lies: readonly Lie[] = [
    ["no head", "SOURCE_SILENT", () => new Uint8Array()],
    [
      "a header that nobody decided",
      "SIGNATURE_INVALID",
      withHead(({ last }) => ({ last: { ...last, header: { ...last.header, seed: "ab".repeat(32) as Hash } } })),
    ],
    [
      "a block before it that is another one",
      "PROOF_INVALID",
      withHead(({ before }) => ({ before: { ...before, header: { ...before.header, time: before.header.time + 1 } } })),
    ],
    [
      "another turn of the proposers",
      "PROOF_INVALID",
      withHead(({ next }) => ({
        next: { ...next, validators: next.validators.map((one) => ({ ...one, priority: one.priority + 1n })) },
      })),
    ],
    ["another history", "PROOF_INVALID", withHead(() => ({ history: ["cd".repeat(32) as Hash] }))],
    [
      "a record with another value",
      "PROOF_INVALID",
      withParts(({ parts }) => ({
        parts: parts.map((part) => ({
          ...part,
          records: part.records.map((one) => ({ ...one, value: utf8("mine") })),
        })),
      })),
    ],
    [
      "a part without one of its records",
      "PROOF_INVALID",
      withParts(({ parts }) => ({ parts: parts.map((part) => ({ ...part, records: part.records.slice(1) })) })),
    ],
    [
      "parts that are never small enough",
      "PARTS_TOO_MANY",
      (question, request) => {
        if (question !== "parts") return honest(question, request)
        const wanted = partsWantedMessage.read(request)!
        const root = running.chain.tip.appHash
        return partsMessage.encode({ root, parts: [], tooLarge: wanted.map(({ digits }) => digits), later: [] })
      },
    ],
    ["parts that never come", "PROOF_INVALID", withParts(() => ({ parts: [], tooLarge: [] }))],
    ["parts that nobody asked for", "PROOF_INVALID", withParts(() => ({ tooLarge: ["ab"] }))],
  ]
  for (const [what, code, answers] of lies) {
    it(`is none where the peer gives ${what}`, async () => {
      const { result, blocks, blamed } = await fetched(async (_, ...question) => answers(...question))
      assert.deepEqual(result, { ok: false, code })
      assert.deepEqual(blamed, code === "SOURCE_SILENT" ? [] : ["vera"])
      assert.equal(blocks.tip()!.height, 0)
      // What was there goes only for somebody who is on this chain.
      const isBelieved = code !== "SOURCE_SILENT" && code !== "SIGNATURE_INVALID"
      assert.equal(blocks.fetching() !== null, isBelieved)
      if (!isBelieved) assert.ok(blocks.record("chain/parameters"))
      assert.equal(readLightBlock(new Uint8Array()), null)
    })
  }

  it("can be fetched anew where the power went in between", async () => {
    const half = await fetched(async (asked, ...question) => (asked < 2 ? honest(...question) : null))
    assert.deepEqual(half.result, { ok: false, code: "SOURCE_SILENT" })
    const trusted = half.blocks.fetching()!
    assert.equal(trusted.header.height, 0)
    const { signal } = new AbortController()
    const shell: Shell = {
      publish: () => {},
      peers: () => ["vera"],
      ask: async (_, ...question) => honest(...question),
      blame: assert.fail,
    }
    const leave = async () => true
    const around = { verifier: verifier(), clock, shell, signal, leave, trustingMs: PLAIN.parameters.trustingMs }
    const again = await fetchState("vera", trusted, { ...around, blocks: half.blocks, parts: new Parts(half.store) })
    assert.ok(again.ok)
    assert.deepEqual(recordsOf(half.store), recordsOf(machine.store))
    assert.equal(half.blocks.record(`account/${accountAddress("bob")}`) !== null, true)
  })
})
