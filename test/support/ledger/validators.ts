import { setImmediate as immediate } from "node:timers/promises"
import { createHash } from "node:crypto"
import { fromHex, toHex } from "../../../agent/base/bytes.ts"
import { seededRandom } from "../../../agent/base/random.ts"
import { chainIdOf, type Genesis } from "../../../agent/core/ledger/genesis.ts"
import { accountAt } from "../../../agent/core/ledger/state/records.ts"
import { State } from "../../../agent/core/ledger/state/state.ts"
import { Blocks } from "../../../agent/engine/ledger/chain/blocks.ts"
import { createSignState } from "../../../agent/engine/ledger/consensus/signer.ts"
import type { QuestionName, TopicName } from "../../../agent/engine/ledger/validator/shell.ts"
import { ANSWERS, JUDGES } from "../../../agent/engine/ledger/validator/protocol.ts"
import { Sync } from "../../../agent/engine/ledger/validator/sync.ts"
import { Validator } from "../../../agent/engine/ledger/validator/validator.ts"
import { verifier } from "../../../agent/io/keys/verifier.ts"
import { VirtualFile } from "../../sim/chain/disk.ts"
import { FakeClock } from "../fake-clock.ts"
import { KeptLog } from "../kept-log.ts"
import { MemoryStore } from "../memory-store.ts"
import { accountAddress, consensusKey } from "./signed.ts"

/** A validator on a machine that can be switched off, on a network that can be cut. */
export class Node {
  readonly name: string
  readonly halted: Error[] = []
  readonly blamed: string[] = []
  readonly log = new KeptLog()
  readonly #network: TestNetwork
  readonly #signed = new VirtualFile()
  readonly #wal = new VirtualFile()
  #store = new MemoryStore()
  readonly #seen = new Set<string>()
  #sync: Sync | null = null
  validator: Validator | null = null
  blocks = new Blocks(this.#store)

  constructor(name: string, network: TestNetwork) {
    this.name = name
    this.#network = network
  }

  async join(): Promise<void> {
    await this.blocks.begin(this.#network.genesis)
    const chain = fromHex(chainIdOf(this.#network.genesis))!
    createSignState({ key: consensusKey(this.name), chain, file: this.#signed })
  }

  start(): void {
    const { clock } = this.#network
    this.blocks = new Blocks(this.#store)
    const key = consensusKey(this.name)
    const shell = {
      publish: (topic: TopicName, bytes: Uint8Array) => this.#spread(topic, bytes),
      peers: () => this.#network.othersOf(this),
      ask: (peer: string, question: QuestionName, request: Uint8Array) => this.#network.ask(peer, question, request),
      blame: (peer: string, why: string) => void this.blamed.push(`${peer}: ${why}`),
    }
    const validator = new Validator(
      {
        blocks: this.blocks,
        verifier: verifier(),
        clock,
        key,
        signState: this.#signed,
        wal: this.#wal,
        shell,
        log: this.log,
        decided: () => {},
        evidence: () => {},
        halted: (error) => void this.halted.push(error),
      },
      this.blocks.tip()!,
    )
    validator.start()
    const random = seededRandom(Number.parseInt(createHash("sha256").update(this.name).digest("hex").slice(0, 6), 16))
    this.#sync = new Sync({
      validator,
      shell,
      clock,
      random,
      me: key.address,
      behind: (peer) => void this.halted.push(new Error(`${peer} says that it is far ahead`)),
      failed: (error) => void this.halted.push(error as Error),
    })
    this.#sync.start()
    this.validator = validator
  }

  /** The power goes: what was not durable is gone. */
  crash(): void {
    this.#sync?.stop()
    this.validator?.stop()
    this.validator = null
    this.#store = this.#store.crash()
    this.#signed.cutPower(seededRandom(1))
    this.#wal.cutPower(seededRandom(2))
  }

  balance(of: string): bigint {
    return State.over(this.blocks).get(accountAt(accountAddress(of)))?.balance ?? 0n
  }

  get height(): number {
    return this.validator?.chain.tip.height ?? 0
  }

  async hear(topic: TopicName, bytes: Uint8Array): Promise<void> {
    const name = toHex(createHash("sha256").update(bytes).digest())
    if (this.validator === null || this.#seen.has(name)) return
    this.#seen.add(name)
    if ((await JUDGES[topic](this.validator, bytes)) === "accept") this.#spread(topic, bytes)
  }

  async answer(question: QuestionName, request: Uint8Array): Promise<Uint8Array | null> {
    return this.validator === null ? null : ANSWERS[question](this.validator, request)
  }

  #spread(topic: TopicName, bytes: Uint8Array): void {
    this.#network.spread(this, topic, bytes)
  }
}

/** Validators on one virtual clock. What is sent arrives, where the way is not cut. */
export class TestNetwork {
  readonly clock = new FakeClock()
  readonly genesis: Genesis
  readonly nodes: readonly Node[]
  /** Nothing comes through to these, or from them. */
  readonly cut = new Set<string>()
  /** What does not arrive. */
  loses: (topic: TopicName) => boolean = () => false

  constructor(genesis: Genesis, names: readonly string[]) {
    this.genesis = genesis
    this.nodes = names.map((name) => new Node(name, this))
  }

  async start(): Promise<void> {
    for (const node of this.nodes) await node.join()
    for (const node of this.nodes) node.start()
  }

  othersOf(node: Node): string[] {
    return this.nodes.filter((one) => this.#reaches(node, one)).map(({ name }) => name)
  }

  spread(from: Node, topic: TopicName, bytes: Uint8Array): void {
    for (const node of this.nodes) {
      if (this.#reaches(from, node) && !this.loses(topic)) setImmediate(() => void node.hear(topic, bytes))
    }
  }

  async ask(peer: string, question: QuestionName, request: Uint8Array): Promise<Uint8Array | null> {
    await immediate()
    const node = this.nodes.find(({ name }) => name === peer)!
    return node.validator === null || this.cut.has(peer) ? null : node.answer(question, request)
  }

  /** Time passes until it is so. @throws where it is not within so much virtual time */
  async until(holds: () => boolean, withinMs: number, what: string): Promise<void> {
    const end = this.clock.now() + withinMs
    while (!holds()) {
      if (this.clock.now() >= end) throw new Error(`${what} did not come within ${withinMs} ms of virtual time`)
      for (let i = 0; i < 8; i++) await immediate()
      this.clock.advance(10)
    }
  }

  stop(): void {
    for (const node of this.nodes) node.crash()
  }

  #reaches(from: Node, to: Node): boolean {
    return to !== from && to.validator !== null && !this.cut.has(from.name) && !this.cut.has(to.name)
  }
}
