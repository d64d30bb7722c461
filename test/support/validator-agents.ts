import assert from "node:assert/strict"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { toHex } from "../../agent/base/bytes.ts"
import { encodeGenesis, type Genesis } from "../../agent/core/ledger/genesis.ts"
import { startAgent, type TestAgent, type TestAgentOptions } from "./agent.ts"
import { homeOf } from "./home-network.ts"
import { until } from "./until.ts"

const WAIT_MS = 120_000
const LOOK_EVERY_MS = 200
const ANSWER_MS = 60_000
const KIB = 1024

export interface ChainStatus {
  readonly addresses: readonly string[]
  readonly peers: readonly string[]
  readonly chain: { readonly height: number; readonly asksPeers: boolean; readonly fetching: boolean } | null
  readonly halted: string | null
}

/** Agents of one chain in processes of their own, each with the home that `signedGenesis` has a validator for. */
export class ValidatorAgents<Name extends string> {
  readonly names: readonly Name[]
  readonly homes: ReadonlyMap<Name, string>
  readonly #options: (name: Name) => Promise<TestAgentOptions>
  readonly #running = new Map<Name, TestAgent>()
  readonly #paused = new Set<Name>()
  readonly #said: string[] = []

  /** @param options what each is started with beside its home; asked at every start */
  constructor(names: readonly Name[], options: (name: Name) => Promise<TestAgentOptions>) {
    this.names = names
    this.homes = new Map(names.map((name) => [name, homeOf(name)]))
    this.#options = options
  }

  /** Those that answer. */
  get awake(): readonly Name[] {
    return [...this.#running.keys()].filter((name) => !this.#paused.has(name))
  }

  of(name: Name): TestAgent {
    const agent = this.#running.get(name)
    assert.ok(agent !== undefined, `${name} runs`)
    return agent
  }

  async start(name: Name): Promise<TestAgent> {
    const agent = await startAgent({ home: this.homes.get(name)!, ...(await this.#options(name)) })
    this.#running.set(name, agent)
    return agent
  }

  async join(name: Name, genesis: Genesis): Promise<void> {
    const answer = await this.of(name).api("POST", "/network:join", { genesis: toHex(encodeGenesis(genesis)) })
    assert.ok(answer.ok, `${name} joins: ${await answer.text()}`)
  }

  async kill(name: Name): Promise<void> {
    const agent = this.#leave(name)
    await agent.kill()
    this.#said.push(agent.output())
  }

  async stop(name: Name): Promise<void> {
    const agent = this.#leave(name)
    const code = await agent.stop()
    this.#said.push(agent.output())
    assert.equal(code, 0, `${name} stops in order: ${agent.output()}`)
  }

  pause(name: Name): void {
    this.#paused.add(name)
    this.of(name).process.kill("SIGSTOP")
  }

  resume(name: Name): void {
    this.of(name).process.kill("SIGCONT")
    this.#paused.delete(name)
  }

  /** It stood still for longer than WATCHDOG_STALL_MS: its watchdog ends it. */
  async resumeTooLate(name: Name): Promise<void> {
    const { process: child, output } = this.of(name)
    const exited = once(child, "exit")
    child.kill("SIGCONT")
    assert.deepEqual(await exited, [null, "SIGALRM"], name)
    this.#leave(name)
    this.#said.push(output())
  }

  async killAll(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.kill(name)
  }

  async statusOf(name: Name): Promise<ChainStatus> {
    return this.read<ChainStatus>(name, "/network")
  }

  /** @throws where it does not answer in time, or with an error */
  async read<Answer>(name: Name, path: string): Promise<Answer> {
    const agent = this.of(name)
    const answer = await fetch(`${agent.http}/api/v1${path}`, {
      headers: { authorization: `Bearer ${agent.token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    assert.ok(answer.ok, `${name} answers ${path}: ${answer.status}`)
    return (await answer.json()) as Answer
  }

  async heightOf(name: Name): Promise<number> {
    const { chain, halted } = await this.statusOf(name)
    assert.equal(halted, null, `the chain of ${name}`)
    return chain?.height ?? 0
  }

  /** @param names those that answer by default */
  heights(names: readonly Name[] = this.awake): Promise<number[]> {
    return Promise.all(names.map((name) => this.heightOf(name)))
  }

  /** Waits until all of them have this height. */
  reach(height: number, names: readonly Name[] = this.awake): Promise<void> {
    const reached = async () => Math.min(...(await this.heights(names))) >= height
    return until(reached, WAIT_MS, `height ${height} with ${names.join(", ")}`, LOOK_EVERY_MS)
  }

  /** Bytes of memory, as the kernel counts them, of each that runs. */
  memory(): readonly { readonly name: Name; readonly bytes: number }[] {
    return [...this.#running].flatMap(([name, { process: child }]) => {
      if (child.exitCode !== null || child.signalCode !== null) return []
      const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]
      return kib === undefined ? [] : [{ name, bytes: Number(kib) * KIB }]
    })
  }

  /** All that was written by those that run and those that ran. */
  output(): string {
    return [...this.#said, ...[...this.#running.values()].map((agent) => agent.output())].join("\n")
  }

  /** The last that each wrote which runs. */
  logs(characters: number): string {
    const last = [...this.#running].map(([name, agent]) => `${name}: ${agent.output().slice(-characters)}`)
    return last.join("\n")
  }

  #leave(name: Name): TestAgent {
    const agent = this.of(name)
    this.#running.delete(name)
    this.#paused.delete(name)
    return agent
  }
}
