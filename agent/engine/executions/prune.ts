import { messageOf } from "../../base/errors.ts"
import type { Change } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import type { ApplicationBook } from "../applications/applications.ts"
import type { Dedupe } from "../events/dedupe.ts"
import type { EnginePorts } from "../ports.ts"
import type { ExecutionBook } from "./executions.ts"
import type { Pin } from "./records.ts"

const EXECUTIONS_A_WRITE = 200
const IDS_A_WRITE = 1000
/** Small enough to be written where there is hardly any room left; together they are one commit where there is. */
const CHANGES_A_WRITE = 50
const PINS_A_TURN = 500
const AGES_EVERY_MS = 3_600_000
/** Share of the quota at which ended executions give way, and at which that stops. */
const HIGH_WATER = 0.8
const LOW_WATER = 0.7
const PRESSURE_EVERY_MS = 5_000

export interface PrunerParts {
  readonly ports: EnginePorts
  readonly executions: ExecutionBook
  readonly applications: ApplicationBook
  readonly dedupe: Dedupe
  /** How long an ended execution is kept, ms. */
  readonly keepMs: number
}

/**
 * Keeps the store under its quota: ended executions go, oldest first, by age and by bytes. Running ones never. What no
 * longer counts (old ids of events, old versions of applications) goes too. Little by little: nothing waits for it long.
 */
export class Pruner {
  readonly #parts: PrunerParts
  #agesDueMs = 0
  #cancelTimer = () => {}
  #working: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: PrunerParts) {
    this.#parts = parts
  }

  start(): void {
    this.#plan()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    await this.#working
  }

  /** Looks at the quota often, which costs little, and at the ages once an hour. */
  #plan(): void {
    if (this.#stopped) return
    const { clock, log } = this.#parts.ports
    this.#cancelTimer = clock.schedule(clock.now() + PRESSURE_EVERY_MS, () => {
      const withAges = clock.now() >= this.#agesDueMs
      if (withAges) this.#agesDueMs = clock.now() + AGES_EVERY_MS
      this.#working = this.#prune(withAges)
        .catch((error) => {
          if (!this.#stopped) log.error("pruning failed", { error: messageOf(error) })
        })
        .then(() => this.#plan())
    })
  }

  /** One round. Resolves when nothing more has to go. */
  async #prune(withAges: boolean): Promise<void> {
    const { archive, runner } = this.#parts.executions
    if (withAges) {
      const beforeMs = this.#parts.ports.clock.now() - this.#parts.keepMs
      await this.#remove(() => archive.prunable(beforeMs, EXECUTIONS_A_WRITE, runner))
      const stale = await this.#staleVersions()
      if (stale.length > 0) await this.#parts.ports.store.write(stale)
    }
    await this.#remove(() => this.#parts.dedupe.sweep(IDS_A_WRITE))
    // The disk may have room again without anything having gone here: somebody else's file was removed.
    this.#parts.executions.room.wake()
    if (this.#parts.executions.usedShare() <= HIGH_WATER) return
    await this.#remove(() =>
      this.#parts.executions.usedShare() > LOW_WATER
        ? archive.prunable(Number.POSITIVE_INFINITY, EXECUTIONS_A_WRITE, runner)
        : [],
    )
    if (this.#parts.executions.usedShare() > HIGH_WATER) await this.#forgetIds()
  }

  /** No ended execution is left to go. */
  async #forgetIds(): Promise<void> {
    const { ports, dedupe } = this.#parts
    const forgotten = dedupe.giveWay(ports.clock.now())
    if (forgotten.length === 0) return
    ports.log.warn("ids of events are forgotten before their time: there is no room for them", {
      remedy: "raise store.quotaMb",
    })
    await ports.store.write(forgotten)
    await this.#remove(() => dedupe.sweep(IDS_A_WRITE))
  }

  /** Versions that no kept execution is pinned to: without its definition none can be shown. */
  async #staleVersions(): Promise<readonly Change[]> {
    const { archive, runner } = this.#parts.executions
    const used = new Set<string>()
    const use = ({ app, version }: Pin) => used.add(`${app}/${version}`)
    const stale = () => this.#parts.applications.staleVersions((app, version) => used.has(`${app}/${version}`))
    for (const { pin } of runner.active.values()) use(pin)
    // Hardly ever is there one, and only then are the ended executions walked through.
    if (stale().length === 0) return []
    for (const pins of archive.endedPins(PINS_A_TURN)) {
      for (const pin of pins) use(pin)
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#stopped) return []
    }
    return stale()
  }

  /** Until there is nothing more in the next batch. */
  async #remove(next: () => readonly Change[]): Promise<void> {
    while (!this.#stopped) {
      const changes = next()
      if (changes.length === 0) return
      await Promise.all(pieces(changes).map((piece) => this.#parts.ports.store.write(piece)))
      this.#parts.executions.room.wake()
    }
  }
}

/** An execution goes with its history and its rows in the log, or not at all. */
function pieces(changes: readonly Change[]): Change[][] {
  const all: Change[][] = []
  for (const change of changes) {
    const last = all.at(-1)
    const belongs = "remove" in change && (change.remove === TABLE.history || change.remove === TABLE.open)
    if (last && (belongs || last.length < CHANGES_A_WRITE)) last.push(change)
    else all.push([change])
  }
  return all
}
