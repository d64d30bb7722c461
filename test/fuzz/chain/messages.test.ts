import assert from "node:assert/strict"
import { setImmediate as immediate } from "node:timers/promises"
import { fromHex } from "../../../agent/base/bytes.ts"
import { PEER_ANSWER_BYTES_MAX } from "../../../agent/base/network-limits.ts"
import { genesisLight } from "../../../agent/core/chain/light.ts"
import { headMessage, partsMessage } from "../../../agent/core/chain/message.ts"
import { tipOfSnapshot } from "../../../agent/core/chain/snapshot.ts"
import { genesisTip } from "../../../agent/core/chain/tip.ts"
import { accountAt } from "../../../agent/core/ledger/state/records.ts"
import { isChunk } from "../../../agent/core/ledger/tree/chunk.ts"
import { LightClient } from "../../../agent/engine/ledger/light/light.ts"
import { peerSource } from "../../../agent/engine/ledger/light/source.ts"
import { ANSWERS, JUDGES } from "../../../agent/engine/ledger/validator/protocol.ts"
import type { QuestionName, TopicName } from "../../../agent/engine/ledger/validator/shell.ts"
import { Sync } from "../../../agent/engine/ledger/validator/sync.ts"
import { verifier } from "../../../agent/io/keys/verifier.ts"
import { FakeClock } from "../../support/fake-clock.ts"
import { fuzz, type Fuzzed, INPUTS } from "../../support/fuzzed.ts"
import { accountAddress, consensusKey } from "../../support/ledger/signed.ts"
import type { Node } from "../../support/ledger/validators.ts"
import { ASKED_ABOUT, GENESIS, newcomer, NONCE, spoken } from "./spoken.ts"

const { topics, requests, answers } = await spoken()
/** So often the other work of the process gets its turn. */
const TURN_EVERY = 1000

/** A validator at the first height, and another one once what it was told was enough to decide that. */
class Listener {
  #of: Awaited<ReturnType<typeof newcomer>> | null = null
  #turns = 0

  async node(): Promise<Node> {
    if (++this.#turns % TURN_EVERY === 0) await immediate()
    if (this.#of !== null && this.#of.node.height > 0) this.stop()
    this.#of ??= await newcomer(ASKED_ABOUT)
    assert.deepEqual(this.#of.node.halted, [])
    return this.#of.node
  }

  stop(): void {
    this.#of?.stop()
    this.#of = null
  }
}

/** What is told to a real validator, through its own way in. */
const told = (listener: Listener): readonly Fuzzed[] => [
  ...(Object.keys(JUDGES) as TopicName[]).map((topic) => ({
    name: `a message of ${topic}`,
    seeds: topics[topic],
    read: async (bytes: Uint8Array) => {
      const verdict = await JUDGES[topic]((await listener.node()).validator!, bytes)
      return verdict === "reject" ? null : verdict
    },
  })),
  ...(Object.keys(ANSWERS) as QuestionName[]).map((question) => ({
    name: `a request for ${question}`,
    seeds: requests[question],
    read: async (bytes: Uint8Array) => {
      const answer = ANSWERS[question]((await listener.node()).validator!, bytes)
      assert.ok(answer === null || answer.length <= PEER_ANSWER_BYTES_MAX)
      return answer
    },
  })),
  ...(["decided", "held", "waiting", "newest"] as const).map((question) => ({
    name: `an answer to ${question}`,
    // Of what was decided the first height alone is the next here.
    seeds: question === "decided" ? answers.decided.slice(0, 1) : answers[question],
    read: async (bytes: Uint8Array) => {
      const blamed: string[] = []
      const { validator } = await listener.node()
      let left: Uint8Array | null = bytes
      // Once: what it led to is asked for next.
      const take = (asked: QuestionName) => {
        if (asked !== question) return null
        const given = left
        left = null
        return given
      }
      const sync = new Sync({
        validator: validator!,
        shell: {
          publish: () => {},
          peers: () => ["peer"],
          ask: async (_, asked) => take(asked),
          blame: (_, why) => void blamed.push(why),
        },
        clock: new FakeClock(),
        random: { bytes: () => NONCE },
        me: consensusKey(ASKED_ABOUT).address,
        behind: () => assert.fail("nobody is ahead"),
        failed: (error) => assert.fail(String(error)),
      })
      await sync.round()
      return blamed.length > 0 ? null : "taken"
    },
  })),
]

const BEGINNING = genesisLight(genesisTip(GENESIS).tip)

/** What a Core that has no blocks is answered. */
const answered: readonly Fuzzed[] = [
  ...(["header", "record"] as const).map((question) => ({
    name: `an answer to ${question}, to a light client`,
    seeds: answers[question],
    read: async (bytes: Uint8Array) => {
      const now = () => GENESIS.time + 60_000
      const parts = { verifier: verifier(), trustingMs: GENESIS.parameters.trustingMs, now, trusted: async () => {} }
      const light = new LightClient(parts, BEGINNING)
      const source = peerSource({ ask: async (_, asked) => (asked === question ? bytes : null) }, "peer")
      const said =
        question === "header"
          ? await light.follow(source, [])
          : await light.look(source, accountAt(accountAddress("ann")))
      const isRefused = !said.ok && (said.code === "SOURCE_SILENT" || said.code === "PROOF_INVALID")
      return isRefused ? null : said
    },
  })),
  {
    name: "a head, to be the beginning",
    seeds: answers.head,
    read: (bytes) => {
      const head = headMessage.read(bytes)
      return head && tipOfSnapshot(head, 0)
    },
  },
  {
    name: "parts, to be the state",
    seeds: answers.parts,
    read: (bytes) => {
      const answer = partsMessage.read(bytes)
      return answer?.parts.every((part) => isChunk(fromHex(answer.root)!, part)) ? answer : null
    },
  },
]

describe(`what peers send a Core of a chain, each ${INPUTS} times nearly right`, function () {
  this.timeout(7_200_000)
  const listener = new Listener()
  afterEach(() => listener.stop())

  for (const one of [...told(listener), ...answered]) {
    it(`is judged, whatever it is, in bounded memory: ${one.name}`, async () => {
      const began = performance.now()
      const { accepted, refused, allocatedMax } = await fuzz(one)
      assert.equal(accepted + refused, INPUTS)
      if (process.env["FUZZ_FIGURES"] !== undefined) {
        const seconds = ((performance.now() - began) / 1000).toFixed(1)
        console.log(`      ${seconds} s, ${accepted} taken, ${refused} refused, at most ${allocatedMax} bytes for one`)
      }
    })
  }
})
