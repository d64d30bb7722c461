import assert from "node:assert/strict"
import { showAddress } from "../../../agent/base/address.ts"
import { accountAddress } from "../../support/ledger/signed.ts"
import { until } from "../../support/until.ts"
import type { ValidatorAgents } from "../../support/validator-agents.ts"

/** On their way at once, of each agent. */
const AT_ONCE = 8
const WAIT_S = 8
const WAKE_MS = 600_000
/** Between what an agent refused, and what it is asked next. */
const REFUSED_MS = 200

interface Sent {
  readonly id: string
  readonly state: "waiting" | "done" | "failed"
  readonly height: number | null
  readonly failure: string | null
}

/** Wallets that send all the time, each by its own agent, whatever becomes of that. */
export class Transfers<Name extends string> {
  readonly #agents: ValidatorAgents<Name>
  readonly #ended: Promise<readonly PromiseSettledResult<void>[]>
  #isOver = false
  #turn = 0
  /** Those that their sender was told are in a block, and in which. */
  readonly committed = new Map<string, number>()
  /** Those that were taken, and of which the sender has heard no more. */
  readonly open = new Set<string>()
  refused = 0
  readonly refusals = new Set<string>()
  /** How often an agent went away meanwhile. */
  broken = 0

  /** Each agent has an account `main`, of the name that it has itself. */
  constructor(agents: ValidatorAgents<Name>) {
    this.#agents = agents
    const loops = agents.names.flatMap((name) => Array.from({ length: AT_ONCE }, () => this.#send(name)))
    this.#ended = Promise.allSettled(loops)
  }

  /** Resolves when all that were on their way have their answer. @throws where one was none that an agent may give */
  async finish(): Promise<void> {
    this.#isOver = true
    for (const one of await this.#ended) if (one.status === "rejected") throw one.reason
  }

  async #send(name: Name): Promise<void> {
    const { names } = this.#agents
    while (!this.#isOver) {
      await until(() => this.#isOver || this.#agents.awake.includes(name), WAKE_MS, `${name} to be there`)
      if (this.#isOver) return
      const to = showAddress(accountAddress(names[this.#turn++ % names.length]!))
      const answer = await this.#transfer(name, to)
      if (answer === "sent") continue
      if (answer === "broken") this.broken++
      else this.refused++
      await new Promise((resolve) => setTimeout(resolve, REFUSED_MS))
    }
  }

  async #transfer(name: Name, to: string): Promise<"sent" | "refused" | "broken"> {
    let answer: Response
    let text: string
    try {
      const body = { kind: "transfer", to, amount: "1" }
      answer = await this.#agents.of(name).api("POST", "/transactions", body, { prefer: `wait=${WAIT_S}` })
      text = await answer.text()
    } catch {
      // It was killed, or stopped: whether this was taken is known by what the chain says in the end.
      return "broken"
    }
    // What was sent before a restart, and waits with the others, has its nonce; or it stops, or fetches the state.
    if (!answer.ok) {
      this.refusals.add(`${answer.status} ${(JSON.parse(text) as { code: string }).code}`)
      assert.match(text, /"code":"(?:TRANSACTION_REFUSED|TRANSACTION_NOT_FOUND|STATE_INCOMPLETE|STOPPING)"/, name)
      return "refused"
    }
    const { id, state, height, failure } = JSON.parse(text) as Sent
    assert.notEqual(state, "failed", `${id}: ${failure}`)
    if (state === "done") this.committed.set(id, height!)
    else this.open.add(id)
    return "sent"
  }
}
