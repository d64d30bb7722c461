import { messageOf } from "../../base/errors.ts"
import type { ApplicationBook } from "../applications/applications.ts"
import type { EnginePorts } from "../ports.ts"
import type { ExecutionBook } from "./executions.ts"

const BATCH = 200
const EVERY_MS = 3_600_000
/** Share of the quota at which ended executions give way, and at which that stops. */
const HIGH_WATER = 0.8
const LOW_WATER = 0.7
const PRESSURE_EVERY_MS = 5_000

/** Keeps the store under its quota: ended executions go, oldest first, by age and by bytes. Running ones never. */
export class Pruner {
  readonly #ports: EnginePorts
  readonly #executions: ExecutionBook
  readonly #applications: ApplicationBook
  readonly #keepMs: number
  #cancelTimer = () => {}
  #working: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(ports: EnginePorts, executions: ExecutionBook, applications: ApplicationBook, keepMs: number) {
    this.#ports = ports
    this.#executions = executions
    this.#applications = applications
    this.#keepMs = keepMs
  }

  start(): void {
    this.#plan(PRESSURE_EVERY_MS, 0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    await this.#working
  }

  /** Looks at the quota often, which costs nothing, and at the ages once an hour. */
  #plan(delayMs: number, sinceAgesMs: number): void {
    if (this.#stopped) return
    const { clock } = this.#ports
    this.#cancelTimer = clock.schedule(clock.now() + delayMs, () => {
      const withAges = sinceAgesMs >= EVERY_MS
      this.#working = this.prune(withAges || sinceAgesMs === 0)
        .catch((error) => this.#ports.log.error("pruning failed", { error: messageOf(error) }))
        .then(() => this.#plan(PRESSURE_EVERY_MS, withAges ? PRESSURE_EVERY_MS : sinceAgesMs + PRESSURE_EVERY_MS))
    })
  }

  /** One round. Resolves when nothing more has to go. */
  async prune(withAges: boolean): Promise<void> {
    if (withAges) {
      await this.#removeEnded(this.#ports.clock.now() - this.#keepMs, () => true)
      const stale = this.#applications.staleVersions((app, version) =>
        [...this.#executions.runner.active.values()].some(({ pin }) => pin.app === app && pin.version === version),
      )
      if (stale.length > 0) await this.#ports.store.write(stale)
    }
    if (this.#pressure() > HIGH_WATER) {
      await this.#removeEnded(Number.POSITIVE_INFINITY, () => this.#pressure() > LOW_WATER)
    }
  }

  #pressure(): number {
    const { bytes, quotaBytes } = this.#ports.store.usage()
    return bytes / quotaBytes
  }

  async #removeEnded(beforeMs: number, goOn: () => boolean): Promise<void> {
    while (!this.#stopped && goOn()) {
      const changes = this.#executions.archive.prunable(beforeMs, BATCH)
      if (changes.length === 0) return
      await this.#ports.store.write(changes)
      this.#executions.room.wake()
    }
  }
}
