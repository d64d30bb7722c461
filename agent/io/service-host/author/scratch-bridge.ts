import { type DataCheck, compileDataSchema } from "../../../schema/data-schema.ts"
import type { Json } from "../../../schema/json.ts"
import type { Manifest } from "../../../schema/manifest.ts"
import type { ServiceBridge } from "../../../ports/service-host.ts"

/** An agent of nothing but memory, for running a service's examples: its events are checked, what it publishes is dropped. */
export class ScratchBridge implements ServiceBridge {
  /** What the service did that an agent would refuse. */
  readonly problems: string[] = []
  readonly lines: string[] = []
  readonly #stored = new Map<string, Json>()
  readonly #events = new Map<string, DataCheck>()

  constructor(manifest: Manifest) {
    for (const [name, event] of Object.entries(manifest.events)) {
      const compiled = compileDataSchema(event.data)
      if (compiled.ok) this.#events.set(name, compiled.check)
    }
  }

  async emit(event: string, data: Json): Promise<void> {
    const check = this.#events.get(event)
    const issues = check === undefined ? [{ path: "", message: "is not declared" }] : check(data)
    for (const { path, message } of issues) this.problems.push(`event ${event}: ${path || "it"} ${message}`)
    if (issues.length > 0) throw new Error(this.problems.at(-1))
  }

  log(level: string, message: string): void {
    this.lines.push(`${level}: ${message}`)
  }

  storeGet(key: string): Json | undefined {
    return this.#stored.get(key)
  }

  async storeSet(key: string, value: Json | undefined): Promise<void> {
    if (value === undefined) this.#stored.delete(key)
    else this.#stored.set(key, value)
  }

  async publish(): Promise<void> {}

  subscribe(): () => void {
    return () => undefined
  }

  webhook(): () => void {
    return () => undefined
  }

  ended(reason: { code: string; message: string }): void {
    this.problems.push(`it ended by itself: ${reason.code}: ${reason.message}`)
  }
}
