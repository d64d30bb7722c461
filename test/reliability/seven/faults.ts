import assert from "node:assert/strict"
import type { SeededRandom } from "../../../agent/base/random.ts"
import { WATCHDOG_STALL_MS } from "../../../agent/base/limits.ts"
import { pause } from "../../../agent/base/pause.ts"
import { until } from "../../support/until.ts"
import { CORRECT, type Correct, FALSE, type Seven } from "./seven.ts"

const WAIT_MS = 120_000
/** Clearly on one side of the time after which the watchdog ends an agent. */
const AWAKE_MS = 2000
const LOOK_EVERY_MS = 100
/** What is under way when a side is cut off may still be decided there. */
const ON_THE_WAY_MS = 1500

/** What of a fault there is to tell. */
export interface Fault {
  readonly what: string
  /** From its end until the next block was decided, and until everybody had it. */
  readonly nextMs: number
  readonly allMs: number
}

/** What goes wrong, one after the other, under load. Each resolves when everybody has gone on. */
export class Faults {
  readonly #seven: Seven
  readonly #random: SeededRandom
  readonly done: Fault[] = []

  constructor(seven: Seven, random: SeededRandom) {
    this.#seven = seven
    this.#random = random
  }

  /** One is killed, the others go on without it. */
  async kill(): Promise<void> {
    const { agents } = this.#seven
    const name = this.#one()
    await agents.kill(name)
    await this.#goOn(2)
    await this.#recover(`${name} was killed`, () => agents.start(name))
  }

  /** One stands still for a while: to the others it is there, and says nothing. */
  async freeze(holdMs: number): Promise<void> {
    const { agents } = this.#seven
    const name = this.#one()
    agents.pause(name)
    const what = `${name} stood still for ${holdMs} ms`
    const wakeUp = async () => {
      await pause(holdMs)
      if (holdMs < WATCHDOG_STALL_MS) return this.#recover(what, () => agents.resume(name))
      // Whoever keeps it running starts it again.
      await agents.resumeTooLate(name)
      return this.#recover(`${what} and was ended by its watchdog`, () => agents.start(name))
    }
    await Promise.all([this.#goOn(2), wakeUp()])
  }

  async restart(): Promise<void> {
    const { agents } = this.#seven
    const name = this.#one()
    await agents.stop(name)
    await this.#goOn(1)
    await this.#recover(`${name} was stopped`, () => agents.start(name))
  }

  async upgrade(name: Correct): Promise<void> {
    await this.#recover(`${name} was upgraded`, () => this.#seven.upgrade(name))
  }

  /** Three on one side, three and the one that is not right on the other: neither decides anything. */
  async part(holdMs: number): Promise<void> {
    const { lan } = this.#seven
    const [some, others] = this.#sides()
    lan.part(some, [...others, FALSE])
    await this.#standStill(holdMs)
    await this.#recover(`${some.join(", ")} were cut off for ${holdMs} ms`, () => lan.heal())
  }

  /** Three hear nothing of the others, who hear them. */
  async partOneWay(holdMs: number): Promise<void> {
    const { lan } = this.#seven
    const [some, others] = this.#sides()
    lan.cut([...others, FALSE], some)
    await this.#standStill(holdMs)
    await this.#recover(`${some.join(", ")} heard nothing for ${holdMs} ms`, () => lan.heal())
  }

  /** One is cut off, the others go on. */
  async isolate(holdMs: number): Promise<void> {
    const { lan, agents } = this.#seven
    const name = this.#one()
    const others = CORRECT.filter((other) => other !== name)
    lan.part([name], [...others, FALSE])
    await Promise.all([pause(holdMs), this.#goOn(2, others)])
    const before = await agents.heightOf(name)
    assert.ok(before < Math.max(...(await agents.heights(others))), `${name} decides nothing alone`)
    await this.#recover(`${name} was alone for ${holdMs} ms`, () => lan.heal())
  }

  /** Any of them. */
  async any(holdMs: number): Promise<void> {
    const kinds = [
      () => this.kill(),
      () => this.restart(),
      () => this.freeze(Math.min(holdMs, WATCHDOG_STALL_MS - AWAKE_MS)),
      () => this.freeze(Math.max(holdMs, WATCHDOG_STALL_MS + AWAKE_MS)),
      () => this.part(holdMs),
      () => this.partOneWay(holdMs),
      () => this.isolate(holdMs),
    ]
    await kinds[this.#random.below(kinds.length)]!()
  }

  #one(): Correct {
    return CORRECT[this.#random.below(CORRECT.length)]!
  }

  #sides(): readonly [readonly Correct[], readonly Correct[]] {
    const shuffled = CORRECT.map((name) => ({ name, at: this.#random.next() })).sort((a, b) => a.at - b.at)
    const names = shuffled.map(({ name }) => name)
    return [names.slice(0, 3), names.slice(3)]
  }

  async #goOn(blocks: number, names = this.#seven.agents.awake): Promise<void> {
    const { agents } = this.#seven
    await agents.reach(Math.max(...(await agents.heights(names))) + blocks, names)
  }

  async #standStill(holdMs: number): Promise<void> {
    const { agents } = this.#seven
    await pause(ON_THE_WAY_MS)
    const before = Math.max(...(await agents.heights()))
    await pause(holdMs - ON_THE_WAY_MS)
    assert.equal(Math.max(...(await agents.heights())), before, "no side decides anything")
  }

  /** @param heal what ends the fault */
  async #recover(what: string, heal: () => unknown): Promise<void> {
    const { agents } = this.#seven
    await heal()
    const began = performance.now()
    const before = Math.max(...(await agents.heights()))
    const is = (reached: (heights: readonly number[]) => boolean) => async () => reached(await agents.heights())
    const next = is((heights) => Math.max(...heights) > before)
    await until(next, WAIT_MS, `a block after ${what}`, LOOK_EVERY_MS)
    const nextMs = Math.round(performance.now() - began)
    const all = is((heights) => Math.min(...heights) > before)
    await until(all, WAIT_MS, `everybody with a block after ${what}`, LOOK_EVERY_MS)
    const allMs = Math.round(performance.now() - began)
    this.done.push({ what, nextMs, allMs })
    console.log(`      ${what}: next block after ${nextMs} ms, with everybody after ${allMs} ms (height ${before})`)
  }
}
