import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface, type Interface } from "node:readline"
import { encodeGenesis, type Genesis } from "../../../agent/core/ledger/genesis.ts"
import type { Sin } from "./false-peers.ts"
import type { Instructions } from "./main.ts"

export interface Confession {
  readonly done: Readonly<Record<Sin, number>>
  readonly height: number
  readonly peers: number
}

/** A validator that is not right, in a process of its own, and what it is told to do. */
export class Byzantine {
  readonly #child: ChildProcess
  readonly #lines: Interface

  /** @param home with its node key @param command what is put before the command that runs it */
  constructor(
    home: string,
    command: readonly string[],
    genesis: Genesis,
    instructions: Omit<Instructions, "genesis" | "keys">,
  ) {
    const [document, file] = [join(home, "genesis"), join(home, "instructions.json")]
    writeFileSync(document, encodeGenesis(genesis))
    const all: Instructions = { ...instructions, genesis: document, keys: join(home, "keys") }
    writeFileSync(file, JSON.stringify(all))
    const [program, ...words] = [...command, process.execPath, join(import.meta.dirname, "main.ts"), file]
    this.#child = spawn(program!, words, { stdio: ["pipe", "pipe", "inherit"] })
    this.#lines = createInterface(this.#child.stdout!)
  }

  begin(sin: Sin): Promise<Confession> {
    return this.#say(`+${sin}`)
  }

  end(sin: Sin): Promise<Confession> {
    return this.#say(`-${sin}`)
  }

  confess(): Promise<Confession> {
    return this.#say("")
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, "exit")
    this.#child.kill("SIGKILL")
    await gone
  }

  async #say(line: string): Promise<Confession> {
    const answer = once(this.#lines, "line")
    this.#child.stdin!.write(`${line}\n`)
    return JSON.parse(((await answer) as [string])[0]) as Confession
  }
}
