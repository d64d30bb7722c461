import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { join } from "node:path"
import { readFileSync, writeFileSync } from "node:fs"
import { peerIdFromPrivateKey } from "@libp2p/peer-id"
import type { Genesis } from "../../../agent/core/ledger/genesis.ts"
import { openKeys } from "../../../agent/io/keys/keys.ts"
import { identityOf } from "../../../agent/io/peers/identity.ts"
import { MAIN } from "../../support/agent.ts"
import { copySources } from "../../support/copied-sources.ts"
import { homeOf } from "../../support/home-network.ts"
import { Lan, type Place } from "../../support/lan.ts"
import { PARAMETERS } from "../../support/ledger/chain.ts"
import { signedGenesis } from "../../support/ledger/signed.ts"
import { tempDir } from "../../support/temp-dir.ts"
import { ValidatorAgents } from "../../support/validator-agents.ts"
import { Byzantine } from "../byzantine/byzantine.ts"

export const CORRECT = ["vera", "vic", "vlad", "val", "vito", "viola"] as const
export type Correct = (typeof CORRECT)[number]
/** The one that is not right. */
export const FALSE = "vice"
export const UPGRADED = "0.1.1"

const PORT = 6375
export const STAKE = 1_000_000n
const BALANCE = 1_000_000_000n
/** An epoch ends now and then under the load, and fees are shared out. */
const EPOCH_MS = 5000
const READY_MS = 120_000

/** Six agents and one that is not right, each in a network namespace, on one chain. */
export class Seven {
  readonly genesis: Genesis
  readonly agents: ValidatorAgents<Correct>
  readonly lan: Lan
  #byzantine: Byzantine | null = null
  readonly #places = new Map<string, Place>()
  readonly #known = new Map<string, string>()
  readonly #falseHome = homeOf(FALSE)
  /** Another copy of the program, of a later version, and who runs it. */
  readonly #upgrade = tempDir("upgrade")
  readonly #upgraded = new Set<Correct>()

  constructor() {
    const all = [...CORRECT, FALSE]
    this.genesis = signedGenesis(
      Object.fromEntries(CORRECT.map((name) => [name, BALANCE])),
      Object.fromEntries(all.map((name) => [name, STAKE])),
      { time: Date.now(), parameters: { ...PARAMETERS, committee: all.length, epochMs: EPOCH_MS } },
    )
    this.agents = new ValidatorAgents(CORRECT, async (name) => {
      const { address, command } = this.#places.get(name)!
      const program = this.#upgraded.has(name) ? join(this.#upgrade, "agent/main.ts") : MAIN
      return {
        command: [...command, process.execPath, program],
        readyTimeoutMs: READY_MS,
        sets: [
          `listen=${address}`,
          "network.enabled=true",
          `network.port=${PORT}`,
          `network.peers=${this.#others(name).join(",")}`,
        ],
      }
    })
    this.lan = new Lan()
    for (const name of all) {
      const place = this.lan.add(name)
      const home = name === FALSE ? this.#falseHome : this.agents.homes.get(name as Correct)!
      const peer = peerIdFromPrivateKey(identityOf(openKeys(join(home, "keys"))))
      this.#places.set(name, place)
      this.#known.set(name, `/ip4/${place.address}/tcp/${PORT}/p2p/${peer.toString()}`)
    }
    copySources(this.#upgrade)
    const file = join(this.#upgrade, "package.json")
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), version: UPGRADED }))
  }

  get byzantine(): Byzantine {
    assert.ok(this.#byzantine !== null)
    return this.#byzantine
  }

  /** All of them, each with an account to send from. */
  async start(): Promise<void> {
    const { address, command } = this.#places.get(FALSE)!
    this.#byzantine = new Byzantine(this.#falseHome, command, this.genesis, {
      ...{ name: FALSE, listen: { address, port: PORT }, known: this.#others(FALSE) },
    })
    for (const name of CORRECT) {
      const agent = await this.agents.start(name)
      const seed = createHash("sha256").update(`real ${name}`).digest("hex")
      const answer = await agent.api("POST", "/accounts:import", { name: "main", seed })
      assert.ok(answer.ok, await answer.text())
    }
    await Promise.all(CORRECT.map((name) => this.agents.join(name, this.genesis)))
  }

  /** Stops an agent in order, and starts it from the other copy, of a later version. */
  async upgrade(name: Correct): Promise<void> {
    await this.agents.stop(name)
    this.#upgraded.add(name)
    const agent = await this.agents.start(name)
    const { version } = (await (await agent.api("GET", "/status")).json()) as { version: string }
    assert.equal(version, UPGRADED, name)
  }

  async end(): Promise<void> {
    await this.#byzantine?.kill()
    await this.agents.killAll()
    this.lan.remove()
  }

  #others(name: string): readonly string[] {
    return [...this.#known].filter(([other]) => other !== name).map(([, address]) => address)
  }
}
