import assert from "node:assert/strict"
import { chainIdOf } from "../../../../../agent/core/ledger/genesis.ts"
import { type Disk, type Networked, newDisk, startNetworked } from "../../../../support/ledger/networked-validator.ts"
import { signedGenesis, signedTransaction, transferTo } from "../../../../support/ledger/signed.ts"
import { until } from "../../../../support/until.ts"

const WAIT_MS = 60_000
const NAMES = ["vera", "vic", "vlad", "val"] as const

describe("validators with real peers", function () {
  this.timeout(120_000)
  let running: Networked[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()))
  })

  function world(names: readonly string[]) {
    const stakes = Object.fromEntries(names.map((name) => [name, 1000n]))
    const genesis = signedGenesis({ ann: 1_000_000n, bob: 0n }, stakes, { time: Date.now() })
    const disks = new Map<string, Disk>()
    const start = async (name: string) => {
      const disk = disks.get(name) ?? (await newDisk(genesis, name))
      disks.set(name, disk)
      const one = await startNetworked(
        disk,
        genesis,
        name,
        running.flatMap(({ peers }) => peers.addresses()),
      )
      running.push(one)
      return one
    }
    const stop = async (one: Networked) => {
      running = running.filter((each) => each !== one)
      await one.stop()
    }
    const send = (nonce: number) => signedTransaction(chainIdOf(genesis), "ann", nonce, transferTo("bob", 5n))
    return { start, stop, send }
  }

  const have = (amount: bigint) =>
    until(
      () => running.every((one) => one.balance("bob") === amount && !one.validator.chain.tip.isBusy),
      WAIT_MS,
      `${amount} with everybody`,
      10,
    )
  const submit = async (one: Networked, bytes: Uint8Array) => assert.ok((await one.validator.submit(bytes)).ok)
  /** Up to the lowest of the running ones. */
  function isOneChain() {
    const height = Math.min(...running.map(({ validator }) => validator.chain.tip.height))
    for (let at = 1; at <= height; at++)
      assert.equal(new Set(running.map(({ blocks }) => blocks.at(at)!.block.id)).size, 1, `block ${at}`)
    const failures = running.flatMap(({ failures: of }) => of)
    assert.deepEqual(failures, [])
  }

  it("make one chain of transactions that some of them got", async () => {
    const { start, send } = world(NAMES)
    for (const name of NAMES) await start(name)
    // Nobody knows yet who takes part in what: it is asked for.
    await submit(running[2]!, send(0))
    await have(5n)
    await submit(running[0]!, send(1))
    await have(10n)
    isOneChain()
  })

  it("bring one that was away to where they are, and it signs again, and nothing twice", async () => {
    const { start, stop, send } = world(NAMES)
    for (const name of NAMES) await start(name)
    await submit(running[0]!, send(0))
    await have(5n)
    await stop(running[3]!)
    for (let nonce = 1; nonce < 4; nonce++) {
      await submit(running[0]!, send(nonce))
      await have(5n * BigInt(nonce + 1))
    }
    const back = await start("val")
    await have(20n)
    await until(() => !back.validator.consensus.isWaitingForPeers, WAIT_MS, "its leave to sign", 10)
    // With one of the others gone nothing is decided without it.
    await stop(running[0]!)
    await submit(back, send(4))
    await have(25n)
    isOneChain()
  })

  it("bring one that begins to where they are", async () => {
    const { start, send } = world(["vera"])
    const vera = await start("vera")
    for (let nonce = 0; nonce < 20; nonce++) {
      await submit(vera, send(nonce))
      await have(5n * BigInt(nonce + 1))
    }
    const fresh = await start("follower")
    await until(() => fresh.validator.height === vera.validator.height, WAIT_MS, "the whole chain", 10)
    assert.deepEqual(fresh.validator.chain.tip, vera.validator.chain.tip)
    isOneChain()
  })

  it("hold it against nobody that they have not begun, and against everybody what nobody correct asks", async () => {
    const { start } = world(["vera"])
    const { shell } = await start("vera")
    const answers = (request: Uint8Array) =>
      Promise.all(shell.questions().map(({ answer }) => answer("somebody", request, new AbortController().signal)))
    const none = shell.questions().map(() => null)
    assert.deepEqual(await answers(new Uint8Array(3)), none)
    assert.deepEqual(await answers(new Uint8Array(8).fill(255)), none)
    const answered = (await answers(new Uint8Array(52))).flatMap((answer, i) =>
      answer === null ? [] : [shell.questions()[i]!.name.split("/")[1]],
    )
    assert.deepEqual(answered, ["newest"])
    shell.stop()
    for (const answer of await answers(new Uint8Array(3))) assert.equal(answer?.length, 0)
    for (const topic of shell.topics()) assert.equal(await topic.judge("somebody", Uint8Array.of(1)), "ignore")
  })
})
