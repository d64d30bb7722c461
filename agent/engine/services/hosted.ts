import type { Soon } from "../../base/soon.ts"
import { type ErrorDetail, MesgError, messageOf } from "../../base/errors.ts"
import {
  SERVICE_RESTART_DELAY_MS_MAX,
  SERVICE_RESTART_DELAY_MS_MIN,
  SERVICE_WARNING_LENGTH_MAX,
  SERVICE_WARNINGS_KEPT_MAX,
} from "../../base/limits.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Log, LogFields } from "../../ports/log.ts"
import type { RunningService, ServiceBridge, ServiceHost, ServiceSpec, Stop } from "../../ports/service-host.ts"
import { checkSettings, settingsTrouble } from "../../schema/settings.ts"
import type { ServiceView, ServiceWarning } from "../core.ts"

export interface HostedParts {
  readonly host: ServiceHost
  readonly clock: Clock
  readonly log: Log
  /** Makes the bridge for one run of the service; `close` takes back what the run subscribed to. */
  bridge(spec: ServiceSpec, ended: ServiceBridge["ended"]): { readonly bridge: ServiceBridge; close(): void }
  /** Takes the service's secrets out of what it says. */
  hide(text: string): string
  /** It runs and has subscribed to what it wants, or it has stopped for good. */
  settled(): void
  changed(): void
}

/** One service that runs on this Core, kept running: started again, ever later, when it ends by itself. */
export class Hosted {
  spec: ServiceSpec
  state: ServiceView["state"] = "stopped"
  error: ServiceView["error"] = null
  restarts = 0
  warnings: readonly ServiceWarning[] = []
  running: RunningService | null = null
  readonly #parts: HostedParts
  #wanted = false
  #run = 0
  #cancelRestart = () => {}
  #close = () => {}
  readonly #waiting = new Set<() => void>()
  readonly #stopped = new WeakSet<RunningService>()

  constructor(spec: ServiceSpec, parts: HostedParts) {
    this.spec = spec
    this.#parts = parts
  }

  /** Starts it, and from then on keeps it running. Never rejects: `error` tells why it does not run. */
  async start(): Promise<void> {
    this.#cancelRestart()
    const settings = checkSettings(this.spec.manifest, this.spec.config)
    this.#wanted = settings.ok
    if (settings.ok) return this.#begin()
    // Time mends no settings: it is not tried before somebody changes them.
    const { manifest } = this.spec
    this.#become("needs-configuration", {
      code: "SETTINGS_INVALID",
      message: `settings of ${manifest.id}: ${settingsTrouble(settings)}`,
    })
    this.#parts.settled()
  }

  async #begin(): Promise<void> {
    const run = ++this.#run
    this.warnings = []
    this.#become("starting", null)
    const { bridge, close } = this.#parts.bridge(this.spec, (reason) => this.#ended(run, reason))
    this.#close()
    this.#close = close
    try {
      const running = await this.#parts.host.run(this.spec, bridge)
      if (run !== this.#run || !this.#wanted) {
        await running.stop()
        return
      }
      this.running = running
      this.#parts.settled()
      this.#become("running", null)
    } catch (error) {
      if (run === this.#run) this.#ended(run, reasonOf(error))
    }
  }

  /** It warns of something in its log. What it says while it starts is shown with it: later on, it is of the moment. */
  warned(message: string, fields: LogFields = {}): void {
    if (this.state !== "starting" || this.warnings.length >= SERVICE_WARNINGS_KEPT_MAX) return
    const { remedy, ...others } = fields
    const told = Object.entries(others).filter(([, value]) => typeof value === "string" || typeof value === "number")
    const details = told.map(([name, value]) => `${name} ${String(value)}`).join(", ")
    const text = details === "" ? message : `${message} (${details})`
    const warning = {
      message: text.slice(0, SERVICE_WARNING_LENGTH_MAX),
      remedy: typeof remedy === "string" ? remedy.slice(0, SERVICE_WARNING_LENGTH_MAX) : null,
    }
    this.warnings = [...this.warnings, warning]
  }

  async stop(): Promise<void> {
    this.#wanted = false
    await this.#end("stopped")
    this.#parts.settled()
  }

  /** Another version or other settings, live: calls that come meanwhile wait. */
  async replace(spec: ServiceSpec): Promise<void> {
    this.#wanted = true
    await this.#end("starting")
    this.spec = spec
    this.restarts = 0
    await this.start()
  }

  async #end(state: "stopped" | "starting"): Promise<void> {
    this.#cancelRestart()
    this.#run++
    const { running } = this
    this.running = null
    if (running !== null) this.#stopped.add(running)
    this.#become(state, null)
    // Before it stops: what comes from now on waits for the next run.
    this.#close()
    await running?.stop()
  }

  /** Whether this run was ended in order, for another one or for good: what was under way in it was interrupted. */
  wasStopped(run: RunningService): boolean {
    return this.#stopped.has(run)
  }

  /** Resolves when it runs; with null where it is stopped, or the signal aborts first. */
  whenRunning(stop: Stop): Soon<RunningService | null> {
    if (this.running !== null) return this.running
    if (!this.#wanted) return null
    const { signal } = stop
    return new Promise((resolve) => {
      const look = () => {
        if (this.running === null && this.#wanted && !signal.aborted) return
        this.#waiting.delete(look)
        signal.removeEventListener("abort", look)
        resolve(this.running)
      }
      this.#waiting.add(look)
      signal.addEventListener("abort", look, { once: true })
    })
  }

  #ended(run: number, said: { code: string; message: string }): void {
    if (run !== this.#run || !this.#wanted) return
    // Whatever else this run says comes too late.
    this.#run++
    const reason = { code: said.code, message: this.#parts.hide(said.message) }
    this.running = null
    this.#close()
    this.#become("failed", reason)
    const { clock, log } = this.#parts
    const delayMs = Math.min(
      SERVICE_RESTART_DELAY_MS_MIN * 2 ** Math.min(this.restarts, 20),
      SERVICE_RESTART_DELAY_MS_MAX,
    )
    this.restarts++
    const { code, message } = reason
    log.warn("a service ended and is started again", { service: this.spec.manifest.id, code, reason: message, delayMs })
    this.#cancelRestart = clock.schedule(clock.now() + delayMs, () => {
      this.#begin().catch((error) => log.error("a service could not be started", { error: messageOf(error) }))
    })
  }

  #become(state: ServiceView["state"], error: ServiceView["error"]): void {
    this.state = state
    this.error = error
    for (const look of [...this.#waiting]) look()
    this.#parts.changed()
  }
}

function reasonOf(error: unknown): { code: string; message: string } {
  if (error instanceof MesgError) return { code: (error.detail as ErrorDetail).code, message: error.message }
  return { code: "START_FAILED", message: messageOf(error) }
}
