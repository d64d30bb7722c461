import assert from "node:assert/strict"
import { setImmediate as immediate } from "node:timers/promises"
import { encodeBlock } from "../../../../../agent/core/chain/block.ts"
import { headerAfter } from "../../../../../agent/core/chain/check.ts"
import { genesisTip } from "../../../../../agent/core/chain/tip.ts"
import { chainIdOf } from "../../../../../agent/core/ledger/genesis.ts"
import { accountAt } from "../../../../../agent/core/ledger/state/records.ts"
import type { TransactionId } from "../../../../../agent/core/ledger/terms.ts"
import { State } from "../../../../../agent/core/ledger/state/state.ts"
import { HOUR } from "../../../../support/ledger/chain.ts"
import { BlockChain } from "../../../../../agent/engine/ledger/chain/block-chain.ts"
import { Blocks } from "../../../../../agent/engine/ledger/chain/blocks.ts"
import { verifier } from "../../../../../agent/io/keys/verifier.ts"
import { TABLE } from "../../../../../agent/schema/tables.ts"
import { type Machine, newMachine, startAlone } from "../../../../support/ledger/lone-validator.ts"
import {
  accountAddress,
  consensusKey,
  signedGenesis,
  signedTransaction,
  spoilt,
  transferTo,
} from "../../../../support/ledger/signed.ts"
import { until } from "../../../../support/until.ts"

const GENESIS = signedGenesis({ ann: 10_000n, bob: 0n }, { vera: 1000n })
const CHAIN = chainIdOf(GENESIS)
const send = (nonce: number, amount = 5n) => signedTransaction(CHAIN, "ann", nonce, transferTo("bob", amount))

describe("a chain with one validator", () => {
  let machine: Machine
  let running: ReturnType<typeof startAlone>
  beforeEach(async () => {
    machine = await newMachine(GENESIS, "vera")
    running = startAlone(machine, GENESIS, "vera")
  })
  const balance = (name: string) => State.over(running.blocks).get(accountAt(accountAddress(name)))?.balance
  const height = () => running.chain.tip.height
  const isIdle = () => {
    const { waiting, tip } = running.chain
    // What says only to which state a block led waits for a while (K10).
    if (waiting === 0 && tip.isBusy) machine.clock.advance(1)
    return waiting === 0 && !tip.isBusy
  }
  const idle = () => until(isIdle, 5000, "the end of it", 1)

  it("makes no block while nobody asks for anything and nothing is due", async () => {
    machine.clock.advance(1000)
    await immediate()
    assert.equal(height(), 0)
  })

  it("takes transactions in the order of their nonces, and makes blocks until their state is named by one", async () => {
    machine.clock.advance(10)
    const taken = await Promise.all([send(0), send(1), send(2)].map((bytes) => running.chain.submit(bytes)))
    assert.ok(taken.every(({ ok }) => ok))
    await idle()
    assert.deepEqual([balance("bob"), running.receipts.length, running.halted], [15n, 3, []])
    const last = running.blocks.at(height())!
    assert.equal(last.block.header.appHash, running.chain.tip.appHash)
    assert.equal(last.block.read.length, 0)
  })

  it("keeps the newest blocks and what became of their transactions, and goes on from them", async () => {
    running.chain.stop()
    running = startAlone(machine, GENESIS, "vera", 4)
    machine.clock.advance(10)
    const ids: TransactionId[] = []
    for (let nonce = 0; nonce < 4; nonce++) {
      const answer = await running.chain.submit(send(nonce))
      assert.ok(answer.ok)
      ids.push(answer.transaction.id)
      await idle()
    }
    const top = height()
    assert.ok(top > 6)
    const kept = Array.from({ length: top }, (_, i) => i + 1).filter((at) => running.blocks.at(at) !== null)
    assert.deepEqual(kept, [top - 3, top - 2, top - 1, top])
    assert.equal(running.blocks.transaction(ids[0]!), null)
    assert.equal(running.blocks.transaction(ids[3]!)?.failure, null)
    running.chain.stop()
    running = startAlone(machine, GENESIS, "vera", 4)
    await running.chain.submit(send(4))
    await idle()
    assert.deepEqual([balance("bob"), running.halted], [25n, []])
  })

  it("refuses what cannot be in a block, each with its code", async () => {
    const code = async (bytes: Uint8Array) => {
      const answer = await running.chain.submit(bytes)
      return answer.ok ? null : answer.code
    }
    assert.equal(await code(Uint8Array.of(1, 2)), "TRANSACTION_UNREADABLE")
    assert.equal(await code(spoilt(send(0))), "SIGNATURE_INVALID")
    assert.equal(await code(send(1)), "NONCE_AHEAD")
    assert.equal(await code(send(0)), null)
    assert.equal(await code(send(0, 6n)), "NONCE_USED")
    assert.equal(await code(spoilt(send(0))), "SIGNATURE_INVALID")
    await idle()
    assert.equal(await code(send(0)), "NONCE_USED")
  })

  it("has no more transactions of one sender waiting than it may", async () => {
    machine.store.hold()
    const answers = []
    for (let nonce = 0; nonce < 65; nonce++) answers.push(await running.chain.submit(send(nonce)))
    assert.deepEqual(answers.at(-1), { ok: false, code: "MEMPOOL_SENDER_FULL" })
    machine.store.release()
    await idle()
    assert.equal(balance("bob"), 64n * 5n)
  })

  it("does what falls due by itself, and nothing before", async () => {
    machine.clock.advance(HOUR - 1)
    await immediate()
    assert.equal(height(), 0)
    machine.clock.advance(2)
    // Old votes first, then a time that is now.
    await until(() => running.chain.tip.nextDue > GENESIS.time + HOUR, 5000, "the end of the epoch", 1)
    assert.ok(running.chain.tip.time >= GENESIS.time + HOUR)
    assert.deepEqual(running.halted, [])
  })

  it("goes on after a restart at every point: the same chain, nothing twice", async () => {
    for (let nonce = 0; nonce < 12; nonce++) {
      machine.clock.advance(10)
      assert.ok((await running.chain.submit(send(nonce))).ok)
      for (let i = 0; i < nonce; i++) await Promise.resolve()
      running.chain.stop()
      running.consensus.stop()
      const store = machine.store.crash()
      machine = { ...machine, store }
      running = startAlone(machine, GENESIS, "vera")
      // What only waited is lost with the process: its sender sends it again.
      const again = await running.chain.submit(send(nonce))
      assert.ok(again.ok || again.code === "NONCE_USED")
      await idle()
    }
    assert.deepEqual([balance("bob"), running.halted], [60n, []])
  })

  it("judges a block of others: invalid where anything in it is, unknown where it is of another height", async () => {
    await running.chain.submit(send(0))
    await idle()
    const [first, second] = [running.blocks.at(1)!.block, running.blocks.at(2)!.block]
    const fresh = startAlone(await newMachine(GENESIS, "vera"), GENESIS, "vera")
    assert.equal(await fresh.chain.judge(Uint8Array.of(7)), null)
    assert.equal(await fresh.chain.judge(encodeBlock(second)), null)
    assert.equal((await fresh.chain.judge(encodeBlock(first)))?.valid, true)
    const late = { ...first, header: { ...first.header, time: first.header.time + 1 } }
    assert.equal((await fresh.chain.judge(encodeBlock(late)))?.valid, false)
  })

  it("verifies a transaction of a block though it waits here, where its signature is another one", async () => {
    const { tip } = running.chain
    const proposer = tip.next.queue.proposer
    const blockWith = (transaction: Uint8Array) => {
      const transactions = [transaction]
      const header = headerAfter(tip, { commit: null, transactions, proposer })
      return encodeBlock({ header, commit: null, transactions })
    }
    machine.store.hold()
    assert.ok((await running.chain.submit(send(0))).ok)
    assert.equal(running.chain.waiting, 1)
    const [bad, good] = [running.chain.judge(blockWith(spoilt(send(0)))), running.chain.judge(blockWith(send(0)))]
    machine.store.release()
    assert.deepEqual([(await bad)?.valid, (await good)?.valid], [false, true])
  })

  it("proposes the same block in every round of a height, though more waits by then", async () => {
    const { store, clock } = await newMachine(GENESIS, "vera")
    const blocks = new Blocks(store)
    const halted = (error: Error) => assert.fail(error)
    const me = consensusKey("vera").address
    const chain = new BlockChain({ blocks, verifier: verifier(), clock, me, decided: () => {}, halted }, blocks.tip()!)
    const proposed: [round: number, id: string][] = []
    const propose = (_: number, round: number, id: string) => void proposed.push([round, id])
    chain.connect({ begin: () => {}, advance: () => {}, propose })
    for (const round of [0, 4]) {
      assert.ok((await chain.submit(send(round / 4))).ok)
      chain.wanted(1, round)
      await until(() => proposed.some((one) => one[0] === round), 5000, `a proposal of round ${round}`, 1)
    }
    assert.equal(proposed[0]![1], proposed[1]![1])
    assert.equal(store.count(TABLE.chainProposed), 1)
    chain.stop()
  })

  it("begins where its genesis says", () => {
    assert.deepEqual(running.blocks.tip(), genesisTip(GENESIS).tip)
  })
})
