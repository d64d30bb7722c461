import { toHex, utf8 } from "../../../agent/base/bytes.ts"
import { partsWantedMessage } from "../../../agent/core/chain/message.ts"
import { chainIdOf } from "../../../agent/core/ledger/genesis.ts"
import { accountAt } from "../../../agent/core/ledger/state/records.ts"
import { heightBytes, type QuestionName, type TopicName } from "../../../agent/engine/ledger/validator/shell.ts"
import {
  accountAddress,
  consensusKey,
  signedGenesis,
  signedTransaction,
  transferTo,
} from "../../support/ledger/signed.ts"
import { type Node, TestNetwork } from "../../support/ledger/validators.ts"

export const NAMES = ["vera", "vic", "val", "vince"]
export const GENESIS = signedGenesis({ ann: 100_000n, bob: 0n }, Object.fromEntries(NAMES.map((name) => [name, 1000n])))
const CHAIN = chainIdOf(GENESIS)
const PAYMENTS = 3

/** The nonce that goes with the answers to `newest`. */
export const NONCE = new Uint8Array(32).fill(5)
/** Whose last words are asked for. */
export const ASKED_ABOUT = "vera"

/** What Cores of a real chain said to each other. */
export interface Spoken {
  readonly topics: Readonly<Record<TopicName, readonly Uint8Array[]>>
  readonly requests: Readonly<Record<QuestionName, readonly Uint8Array[]>>
  /** Those of one Core to `requests`; where it had nothing none. */
  readonly answers: Readonly<Record<QuestionName, readonly Uint8Array[]>>
}

class Overheard extends TestNetwork {
  readonly heard: Record<TopicName, Uint8Array[]> = { transactions: [], votes: [], proposals: [] }

  override spread(from: Node, topic: TopicName, bytes: Uint8Array): void {
    this.heard[topic].push(bytes)
    super.spread(from, topic, bytes)
  }
}

const REQUESTS: Spoken["requests"] = {
  decided: [1, 2, 3].map(heightBytes),
  held: [1, 7].map(heightBytes),
  newest: [Uint8Array.of(...NONCE, ...Uint8Array.fromHex(consensusKey(ASKED_ABOUT).address))],
  header: [new Uint8Array(), ...[1, 2].map(heightBytes)],
  record: [accountAt(accountAddress("ann")).name, accountAt(accountAddress("nobody")).name, "chain/totals"].map(utf8),
  head: [new Uint8Array()],
  parts: [
    partsWantedMessage.encode([{ digits: "", held: null }]),
    partsWantedMessage.encode(Array.from({ length: 16 }, (_, digit) => ({ digits: digit.toString(16), held: null }))),
  ],
  waiting: [new Uint8Array()],
}

/** Four validators decide some transfers; each then holds something that is not decided yet. */
export async function spoken(): Promise<Spoken> {
  const network = new Overheard(GENESIS, NAMES)
  await network.start()
  const [, second] = network.nodes as [Node, Node]
  const send = (nonce: number) =>
    second.validator!.submit(signedTransaction(CHAIN, "ann", nonce, transferTo("bob", 5n)))
  const isPaid = (count: number) => network.nodes.every((node) => node.balance("bob") === BigInt(count) * 5n)
  const isAwake = () => network.nodes.every(({ validator }) => !validator!.consensus.isWaitingForPeers)
  await network.until(isAwake, 10_000, "that all may sign")
  for (let count = 1; count <= PAYMENTS; count++) {
    await send(count - 1)
    await network.until(() => isPaid(count), 60_000, "a transfer")
  }
  const quiet = () => network.nodes.every((node) => !node.validator!.chain.tip.isBusy)
  await network.until(quiet, 60_000, "the last block")
  // The others are away: it votes, and nothing is decided.
  const height = second.height
  for (const node of network.nodes) if (node !== second) network.cut.add(node.name)
  await send(PAYMENTS)
  const votes = network.heard.votes.length
  await network.until(() => network.heard.votes.length > votes, 60_000, "a vote of one alone")
  const answers = {} as Record<QuestionName, Uint8Array[]>
  const requests = { ...REQUESTS, held: [...REQUESTS.held, heightBytes(height + 1)] }
  for (const [question, all] of Object.entries(requests) as [QuestionName, Uint8Array[]][]) {
    const given = await Promise.all(all.map((request) => second.answer(question, request)))
    answers[question] = given.filter((answer) => answer !== null && answer.length > 0) as Uint8Array[]
  }
  network.stop()
  for (const node of network.nodes) if (node.halted.length > 0) throw node.halted[0]!
  return {
    topics: {
      transactions: distinct(network.heard.transactions),
      votes: distinct(network.heard.votes),
      proposals: distinct(network.heard.proposals),
    },
    requests,
    answers,
  }
}

/** A validator that has heard nothing, at the first height of the same chain. */
export async function newcomer(name: string): Promise<{ readonly node: Node; stop(): void }> {
  const network = new TestNetwork(GENESIS, NAMES)
  const node = network.nodes.find((one) => one.name === name)!
  await node.join()
  node.start()
  return { node, stop: () => network.stop() }
}

function distinct(all: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(all.map((bytes) => [toHex(bytes), bytes])).values()]
}
