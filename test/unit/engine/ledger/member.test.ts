import assert from "node:assert/strict"
import { STATE_SYNC_AHEAD_MIN } from "../../../../agent/base/network-limits.ts"
import { headMessage } from "../../../../agent/core/chain/message.ts"
import { chainIdOf, type Genesis } from "../../../../agent/core/ledger/genesis.ts"
import { Blocks } from "../../../../agent/engine/ledger/chain/blocks.ts"
import { Parts } from "../../../../agent/engine/ledger/chain/parts.ts"
import { Member } from "../../../../agent/engine/ledger/member.ts"
import { ChainPeers } from "../../../../agent/engine/ledger/validator/chain-peers.ts"
import type { QuestionName } from "../../../../agent/engine/ledger/validator/shell.ts"
import { Accounts } from "../../../../agent/engine/ledger/wallet/accounts.ts"
import { systemRandom } from "../../../../agent/io/keys/random.ts"
import { openKeys } from "../../../../agent/io/keys/keys.ts"
import { openSigningKey } from "../../../../agent/io/keys/signing-key.ts"
import { verifier } from "../../../../agent/io/keys/verifier.ts"
import { KeptLog } from "../../../support/kept-log.ts"
import { falseHead } from "../../../support/ledger/false-head.ts"
import { newMachine } from "../../../support/ledger/lone-validator.ts"
import { consensusKey, signedGenesis, signedTransaction, transferTo } from "../../../support/ledger/signed.ts"
import { tempDir } from "../../../support/temp-dir.ts"
import { until } from "../../../support/until.ts"

const WAIT_MS = 10_000
const STEP_MS = 10
type Answers = (question: QuestionName) => Promise<Uint8Array | null>

/** All others are one peer, which says what a test has it say. */
class OnePeer extends ChainPeers {
  answers: Answers = async () => null
  readonly asked: QuestionName[] = []

  override peers(): readonly string[] {
    return ["liar"]
  }

  override ask(_: string, question: QuestionName): Promise<Uint8Array | null> {
    this.asked.push(question)
    return this.answers(question)
  }
}

describe("a Core on its chain", () => {
  let genesis: Genesis
  let member: Member
  let shell: OnePeer
  let log: KeptLog
  let blocks: Blocks
  let halted: unknown[]
  let clock: Awaited<ReturnType<typeof newMachine>>["clock"]
  let paid: number

  beforeEach(async () => {
    genesis = signedGenesis({ ann: 100_000n }, { vera: 1000n })
    const machine = await newMachine(genesis, "vera")
    ;({ clock } = machine)
    clock.advance(genesis.time)
    log = new KeptLog()
    shell = new OnePeer(chainIdOf(genesis), log)
    blocks = new Blocks(machine.store)
    halted = []
    paid = 0
    const random = systemRandom
    const keys = openKeys(tempDir("member"))
    member = new Member({
      ...{ blocks, verifier: verifier(), clock, random, log, key: consensusKey("vera"), shell },
      parts: new Parts(machine.store),
      accounts: new Accounts({ store: machine.store, keys, random, openKey: openSigningKey }),
      file: (name) => (name === "wal" ? machine.log : machine.signed),
      halted: (error) => void halted.push(error),
    })
    member.start()
  })
  afterEach(() => {
    member.stop()
    assert.deepEqual(halted, [])
  })

  const passing = (holds: () => boolean, what: string) =>
    until(
      () => {
        clock.advance(STEP_MS)
        return holds()
      },
      WAIT_MS,
      what,
      1,
    )
  const pay = async () => {
    const before = blocks.tip()!.height
    const { taking } = member
    assert.ok(taking !== null, "it takes part")
    const bytes = signedTransaction(chainIdOf(genesis), "ann", paid++, transferTo("bob", 1n))
    assert.ok((await taking.validator.submit(bytes)).ok)
    await passing(() => blocks.tip()!.height > before + 1, "the block and what says its state")
  }
  const farAhead = () => headMessage.encode(falseHead(blocks.head()!, STATE_SYNC_AHEAD_MIN + 1000))

  it("decides on while a peer says that it is far ahead, and does not show what leads there", async () => {
    await pay()
    shell.answers = (question) =>
      question === "head"
        ? Promise.resolve(farAhead())
        : question === "header"
          ? new Promise(() => {})
          : Promise.resolve(null)
    await passing(() => shell.asked.includes("header"), "the question what leads there")
    for (let i = 0; i < 3; i++) await pay()
    assert.equal(blocks.fetching(), null)
  })

  it("keeps what it has where the head that is believed is not ahead", async () => {
    await pay()
    let heads = 0
    shell.answers = async (question) =>
      question === "head" ? (heads++ === 0 ? farAhead() : headMessage.encode(blocks.head()!)) : null
    await passing(() => log.lines.some((line) => line["code"] === "NOT_AHEAD"), "the end of looking")
    await pay()
    assert.equal(blocks.fetching(), null)
  })
})
