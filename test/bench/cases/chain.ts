import { randomBytes } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { addressOf } from "../../../agent/base/address.ts"
import { toHex } from "../../../agent/base/bytes.ts"
import { chainIdOf, encodeGenesis, type Genesis, signaturesOfGenesis } from "../../../agent/core/ledger/genesis.ts"
import { STAKED } from "../../../agent/core/ledger/presets.ts"
import type { ChainId, PublicKey, Signature } from "../../../agent/core/ledger/terms.ts"
import type { Body } from "../../../agent/core/ledger/transaction/body.ts"
import { transactionMessage } from "../../../agent/core/ledger/transaction/signatures.ts"
import { touchesOf } from "../../../agent/core/ledger/transaction/touches.ts"
import { encodeTransaction } from "../../../agent/core/ledger/transaction/transaction.ts"
import { signingKey } from "../../../agent/io/keys/ed25519.ts"
import type { TestAgent } from "../../support/agent.ts"
import { scaled } from "../../support/scale.ts"
import { until } from "../../support/until.ts"
import type { Bench } from "../bench.ts"
import { upTo } from "../figure.ts"
import { cpuSeconds, residentBytes, startShipped } from "../program.ts"

const WAIT_MS = 60_000
/** Senders, each with one transaction under way. */
const SENDERS = 128
const LOAD_MS = scaled(10_000, 60_000)
const UNLOADED = scaled(20, 100)
const IDLE_MS = scaled(5_000, 30_000)

interface Key {
  readonly seed: Uint8Array
  readonly publicKey: string
  sign(bytes: Uint8Array): Uint8Array
}

interface Fleet {
  readonly agents: readonly TestAgent[]
  readonly chain: ChainId
  readonly senders: readonly Key[]
}

interface Status {
  readonly addresses: readonly string[]
  readonly chain: { readonly height: number; readonly asksPeers: boolean }
}

/** Validators on this machine, each in a process of its own, over libp2p. */
export async function benchChain(bench: Bench): Promise<void> {
  for (const count of [1, 4, 7]) await benchValidators(bench, count)
}

async function benchValidators(bench: Bench, count: number): Promise<void> {
  const fleet = await startFleet(bench, count)
  const { agents } = fleet
  const nonces = new Map<Key, number>()
  const pay = async (from: Key, through: TestAgent) => {
    const nonce = nonces.get(from) ?? 0
    nonces.set(from, nonce + 1)
    const began = performance.now()
    const body = { transaction: toHex(transfer(fleet.chain, from, nonce)) }
    const answer = await through.api("POST", "/transactions:submit", body, { prefer: "wait=30" })
    const { state } = (await answer.json()) as { state?: string }
    if (state !== "done") throw new Error(`a transfer is ${state ?? answer.status}`)
    return performance.now() - began
  }

  const alone: number[] = []
  for (let i = 0; i < UNLOADED; i++) alone.push(await pay(fleet.senders[i % SENDERS]!, agents[i % count]!))

  const cpuBefore = cpuOf(agents)
  const began = performance.now()
  const loaded: number[] = []
  const send = async (from: Key, at: number) => {
    while (performance.now() - began < LOAD_MS) loaded.push(await pay(from, agents[at % count]!))
  }
  await Promise.all(fleet.senders.map(send))
  const seconds = (performance.now() - began) / 1000
  const cpu = cpuOf(agents) - cpuBefore
  const residentMb = agents.map(({ process: { pid } }) => residentBytes(pid!) / 2 ** 20)

  const height = async () => (await agents[0]!.json<Status>("network", "status")).chain.height
  // What the last transactions did is named by a block of its own.
  await sleep(1000)
  const before = await height()
  await sleep(IDLE_MS)
  const idle = (await height()) - before

  const name = `${count} ${count === 1 ? "validator" : "validators"}`
  bench.report({
    name: `${name}: transactions that are in a block`,
    value: loaded.length / seconds,
    unit: "/s",
    ...(count === 4 ? { gate: [{ of: "value", atLeast: 1000 }] as const } : {}),
    beside: { cpuSecondsPerThousand: Number(((1000 * cpu) / loaded.length).toFixed(2)) },
  })
  const gates = count === 4 ? { loaded: [upTo(100)], alone: [upTo(20)], idle: [upTo(0)], memory: [upTo(150)] } : null
  const medianOf = (of: readonly number[]) => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)]!
  const report = (what: string, value: number, unit: string, gate = [] as ReturnType<typeof upTo>[]) =>
    bench.report({ name: `${name}: ${what}`, value, unit, gate })
  report("sent until committed, under load, p50", medianOf(loaded), "ms", gates?.loaded)
  report("sent until committed, alone, p50", medianOf(alone), "ms", gates?.alone)
  report(`blocks in ${IDLE_MS / 1000} s in which nothing is asked for`, idle, "", gates?.idle)
  report("resident memory under load, the largest", Math.max(...residentMb), "MiB", gates?.memory)
  for (const agent of agents) await agent.kill()
}

async function startFleet(bench: Bench, count: number): Promise<Fleet> {
  const senders = Array.from({ length: SENDERS }, newKey)
  const validators = Array.from({ length: count }, () => ({ account: newKey(), consensus: newKey() }))
  const unsigned: Genesis = {
    ...{ version: 1, name: "bench", time: Date.now(), parameters: STAKED, members: [], parent: null },
    accounts: senders.map(({ publicKey }) => ({ address: addressFor(publicKey), balance: 10n ** 15n })),
    validators: validators.map(({ account, consensus }) => ({
      account: addressFor(account.publicKey),
      key: consensus.publicKey as PublicKey,
      proof: "00".repeat(64) as Signature,
      stake: 10n ** 9n,
    })),
  }
  const proofs = signaturesOfGenesis(unsigned).map(({ message }, i) => validators[i]!.consensus.sign(message))
  const genesis = {
    ...unsigned,
    validators: unsigned.validators.map((one, i) => ({ ...one, proof: toHex(proofs[i]!) as Signature })),
  }
  const document = join(bench.folder, `genesis-${count}.json`)
  writeFileSync(document, JSON.stringify({ genesis: toHex(encodeGenesis(genesis)) }))
  const agents: TestAgent[] = []
  for (const [i, { consensus }] of validators.entries()) {
    const home = join(bench.folder, `chain-${count}-${i}`)
    mkdirSync(join(home, "consensus"), { recursive: true, mode: 0o700 })
    writeFileSync(join(home, "consensus/key"), `${toHex(consensus.seed)}\n`, { mode: 0o600 })
    const known: string[] = []
    for (const other of agents) known.push(...(await other.json<Status>("network", "status")).addresses)
    const sets = ["network.enabled=true", "network.port=0", `network.peers=${known.join(",")}`]
    const agent = await startShipped({ home, sets })
    bench.after(() => agent.kill())
    agents.push(agent)
    await agent.json("network", "join", `@${document}`)
  }
  for (const agent of agents) {
    const signs = async () => !(await agent.json<Status>("network", "status")).chain.asksPeers
    await until(signs, WAIT_MS, "its leave to sign", 200)
  }
  return { agents, chain: chainIdOf(genesis), senders }
}

function newKey(): Key {
  const seed = new Uint8Array(randomBytes(32))
  const { publicKey, sign } = signingKey(seed)
  return { seed, publicKey: toHex(publicKey), sign }
}

function addressFor(publicKey: string) {
  return addressOf(Uint8Array.fromHex(publicKey))
}

function transfer(chain: ChainId, from: Key, nonce: number): Uint8Array {
  const sender = addressFor(from.publicKey)
  const body: Body = { kind: "transfer", to: addressOf(Uint8Array.of(nonce & 255, nonce >> 8)), amount: 1n }
  const unsigned = {
    ...{ version: 1, chain, from: from.publicKey as PublicKey, nonce, feeLimit: 10n ** 6n, payer: null, body },
    validUntil: Number.MAX_SAFE_INTEGER,
    touches: touchesOf(body, sender, nonce),
  }
  const signature = toHex(from.sign(transactionMessage(unsigned))) as Signature
  return encodeTransaction({ unsigned, signature, payerSignature: null })
}

function cpuOf(agents: readonly TestAgent[]): number {
  return agents.reduce((sum, { process: { pid } }) => sum + cpuSeconds(pid!), 0)
}
