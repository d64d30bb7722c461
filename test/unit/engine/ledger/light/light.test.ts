import assert from "node:assert/strict"
import {
  encodeLightBlock,
  isCheckpoint,
  type LightBlock,
  lightFault,
  readLightBlock,
} from "../../../../../agent/core/chain/light.ts"
import { blockId } from "../../../../../agent/core/chain/block.ts"
import { chainIdOf } from "../../../../../agent/core/ledger/genesis.ts"
import { encode } from "../../../../../agent/core/ledger/layout.ts"
import type { Hash } from "../../../../../agent/core/ledger/terms.ts"
import { accountAt } from "../../../../../agent/core/ledger/state/records.ts"
import type { QuestionName } from "../../../../../agent/engine/ledger/validator/shell.ts"
import { peerSource } from "../../../../../agent/engine/ledger/light/source.ts"
import { type HeaderSource, LightClient, type ProvenRecord } from "../../../../../agent/engine/ledger/light/light.ts"
import { verifier } from "../../../../../agent/io/keys/verifier.ts"
import { TestNetwork } from "../../../../support/ledger/validators.ts"
import { accountAddress, signedGenesis, signedTransaction, transferTo } from "../../../../support/ledger/signed.ts"
import { SignedBlocks } from "../../../../support/ledger/signed-blocks.ts"

const NAMES = ["vera", "vic", "val", "vince"]
const balances = Object.fromEntries(NAMES.map((name) => [name, 10_000n]))
const GENESIS = signedGenesis(balances, Object.fromEntries(NAMES.map((name) => [name, 1000n])))
const { trustingMs } = GENESIS.parameters

/** Every fourth block one validator has another key, so that after sixteen nobody has the key it had. */
function longChain(length: number): SignedBlocks {
  const blocks = new SignedBlocks(
    GENESIS,
    NAMES.map((name) => `consensus ${name}`),
  )
  for (let height = 1; height <= length; height++) {
    const turn = height / 4
    const rotates = Number.isInteger(turn)
    blocks.next(rotates ? [blocks.rotation(NAMES[turn % 4]!, `key ${turn}`)] : [])
  }
  return blocks
}

class Source implements HeaderSource {
  readonly name: string
  readonly #blocks: readonly LightBlock[]
  asked = 0

  constructor(blocks: readonly LightBlock[], name = "source") {
    this.#blocks = blocks
    this.name = name
  }

  async lightBlock(height: number | null): Promise<LightBlock | null> {
    this.asked++
    return (height === null ? this.#blocks.at(-1) : this.#blocks[height - 1]) ?? null
  }

  async record(): Promise<null> {
    return null
  }
}

describe("a checkpoint", () => {
  it("is the block that was seen, with who decides then and next, and no other one", () => {
    const { light } = longChain(5)
    const [, block, other] = light as [LightBlock, LightBlock, LightBlock]
    const seen = { height: 2, id: blockId(block.header) as string as Hash }
    assert.ok(isCheckpoint(block, seen))
    assert.ok(!isCheckpoint(other, seen))
    assert.ok(!isCheckpoint(block, { ...seen, height: 3 }))
    assert.ok(!isCheckpoint({ ...block, members: block.members.slice(1) }, seen))
    assert.ok(!isCheckpoint({ ...block, nextMembers: block.nextMembers.slice(1) }, seen))
  })
})

describe("a light client", () => {
  const chain = longChain(64)
  const { light } = chain
  const last = light.at(-1)!
  const saved: LightBlock[] = []
  const client = (trusted = light[0]!, now = last.header.time + 1) =>
    new LightClient(
      { verifier: verifier(), trustingMs, now: () => now, trusted: async (block) => void saved.push(block) },
      trusted,
    )
  const code = async (source: HeaderSource, of = client(), witnesses: readonly HeaderSource[] = []) => {
    const before = of.head
    const followed = await of.follow(source, witnesses)
    if (followed.ok) return null
    assert.equal(of.head, before, "nothing of it is trusted")
    return followed.code
  }
  const changed = (at: number, change: Partial<LightBlock>) => light.with(at, { ...light.at(at)!, ...change })

  it("comes from the first header to the newest by a few in between, and keeps it", async () => {
    const source = new Source(light)
    const of = client()
    assert.equal((await of.follow(source, [new Source(light, "witness")])).ok, true)
    assert.deepEqual([of.head, saved.at(-1)], [last, last])
    assert.ok(source.asked > 3 && source.asked < 24, String(source.asked))
    assert.equal((await of.follow(source, [])).ok, true)
  })

  it("believes nothing at once that nobody whom it trusts has voted for", () => {
    assert.equal(lightFault(light[0]!, last, last.header.time, trustingMs), "TOO_FAR")
    assert.equal(lightFault(light[0]!, light[7]!, last.header.time, trustingMs), null)
  })

  it("goes from one header to the next where it has them all", async () => {
    const of = client()
    for (let length = 2; length <= 20; length++)
      assert.equal((await of.follow(new Source(light.slice(0, length)), [])).ok, true)
    assert.equal(of.head.header.height, 20)
  })

  it("reads what was written, and nothing else", () => {
    assert.deepEqual(readLightBlock(encodeLightBlock(last)), last)
    assert.equal(readLightBlock(encodeLightBlock(last).subarray(1)), null)
  })

  it("believes no header that was changed, whatever in it", async () => {
    const { header, commit, members } = last
    const other = "11".repeat(32) as never
    for (const field of ["appHash", "receipts", "transactions", "parent", "history", "seed"] as const) {
      assert.equal(
        await code(new Source(changed(-1, { header: { ...header, [field]: other } }))),
        "SIGNATURE_INVALID",
        field,
      )
    }
    assert.equal(await code(new Source(changed(-1, { header: { ...header, chain: other } }))), "OTHER_CHAIN")
    assert.equal(await code(new Source(changed(-1, { header: { ...header, deciders: other } }))), "COMMITTEE_WRONG")
    assert.equal(await code(new Source(changed(-1, { members: members.slice(1) }))), "COMMITTEE_WRONG")
    const two = commit.votes.map((vote, place) => (place < 2 ? null : vote))
    assert.equal(await code(new Source(changed(-1, { commit: { ...commit, votes: two } }))), "COMMIT_INVALID")
    const late = { ...header, time: header.time + 60_000 }
    assert.equal(await code(new Source(changed(-1, { header: late }))), "FROM_THE_FUTURE")
  })

  it("believes no committee of strangers, though it signs everything", async () => {
    const strangers = new SignedBlocks(
      GENESIS,
      NAMES.map((name) => `consensus ${name}`),
    )
    const members = NAMES.map((name) => ({ ...last.members[0]!, key: strangers.hold(`forged ${name}`) }))
    const sorted = members.sort((a, b) => (a.key < b.key ? -1 : 1))
    const forged = new SignedBlocks(
      GENESIS,
      NAMES.map((name) => `consensus ${name}`),
    )
    for (let i = 0; i < 3; i++) forged.next()
    const fake = { ...forged.next(), members: sorted, nextMembers: sorted }
    assert.equal(await code(new Source([...light.slice(0, 3), fake])), "COMMITTEE_WRONG")
  })

  it("trusts nothing from too long ago, and nothing that is older than what it trusts", async () => {
    assert.equal(await code(new Source(light), client(light[0]!, light[0]!.header.time + trustingMs)), "TRUST_EXPIRED")
    assert.equal(await code(new Source(light.slice(0, 3)), client(light[9]!)), null)
    assert.equal(client(light[9]!).head, light[9])
  })

  it("goes on where a witness has a header that nobody decided", async () => {
    const made = { ...last, header: { ...last.header, time: last.header.time + 1 } }
    const liar = new Source([...light.slice(0, -1), made], "liar")
    const followed = await client().follow(new Source(light), [liar])
    assert.ok(followed.ok)
    assert.equal(followed.block, last)
  })

  it("stops where a witness has another header of that height, and says whose it is", async () => {
    const fork = new SignedBlocks(
      GENESIS,
      NAMES.map((name) => `consensus ${name}`),
    )
    for (let height = 1; height <= 64; height++) fork.next([], 900)
    assert.notEqual(blockId(fork.light.at(-1)!.header), blockId(last.header))
    const of = client()
    assert.deepEqual(await of.follow(new Source(light), [new Source([], "silent"), new Source(fork.light, "other")]), {
      ok: false,
      code: "WITNESS_DIFFERS",
      source: "other",
    })
    assert.equal(of.head, light[0])
  })

  it("stops where the source does not answer", async () => {
    assert.equal(await code(new Source([])), "SOURCE_SILENT")
    const gaps = light.map((block, i) => (i === 0 || i === 63 ? block : (undefined as never)))
    assert.equal(await code(new Source(gaps)), "SOURCE_SILENT")
  })
})

describe("a light client of four validators", () => {
  const parts = { verifier: verifier(), trustingMs, trusted: async () => {} }
  let network: TestNetwork
  let source: HeaderSource
  let client: LightClient
  before(async () => {
    network = new TestNetwork(GENESIS, NAMES)
    await network.start()
    const [vera] = network.nodes
    const send = (nonce: number) => signedTransaction(chainIdOf(GENESIS), "vic", nonce, transferTo("bob", 100n))
    for (const nonce of [1, 2, 3]) assert.ok((await vera!.validator!.submit(send(nonce))).ok)
    await network.until(() => vera!.balance("bob") === 300n && !vera!.validator!.chain.tip.isBusy, 30_000, "transfers")
    const shell = {
      ask: (peer: string, question: QuestionName, bytes: Uint8Array) => network.ask(peer, question, bytes),
    }
    source = peerSource(shell, "vera")
    client = new LightClient({ ...parts, now: () => network.clock.now() }, (await source.lightBlock(1))!)
    const witnesses = ["vic", "val"].map((peer) => peerSource(shell, peer))
    assert.equal((await client.follow(source, witnesses)).ok, true)
  })
  after(() => network.stop())

  it("sees a balance and that there is no such account, each with its proof", async () => {
    const bob = await client.look(source, accountAt(accountAddress("bob")))
    assert.deepEqual(bob.ok && [bob.value?.balance, bob.height], [300n, client.head.header.height])
    const nobody = await client.look(source, accountAt(accountAddress("nobody")))
    assert.deepEqual(nobody.ok && nobody.value, null)
  })

  it("believes no other balance, no absence of what is there, and no state that no header names yet", async () => {
    const place = accountAt(accountAddress("bob"))
    const { record } = source
    const lying = (change: (answer: ProvenRecord) => ProvenRecord): HeaderSource => ({
      ...source,
      record: async (name) => change((await record(name))!),
    })
    const code = async (of: HeaderSource) => {
      const looked = await client.look(of, place)
      return looked.ok ? null : looked.code
    }
    const rich = encode(place.layout, { nonce: 0, balance: 10n ** 9n, records: 0, busyUntil: 0 })
    assert.equal(await code(lying((answer) => ({ ...answer, value: rich }))), "PROOF_INVALID")
    assert.equal(await code(lying((answer) => ({ ...answer, value: null }))), "PROOF_INVALID")
    assert.equal(await code(lying((answer) => ({ ...answer, value: Uint8Array.of(1) }))), "PROOF_INVALID")
    assert.equal(await code(lying((answer) => ({ ...answer, height: answer.height + 1 }))), "BUSY")
    assert.equal(await code({ ...source, record: async () => null }), "SOURCE_SILENT")
  })
})
