import type { TaskExecutionId } from "../../base/ids.ts"
import type { Broker } from "../../ports/broker.ts"
import type { Keys } from "../../ports/keys.ts"
import type { Manifest } from "../../schema/manifest.ts"
import type { ServiceAnswer } from "../../schema/service-message.ts"
import { RemoteService } from "./remote.ts"

/** Services that registered over MQTT: their manifests are retained messages, found again at every start. */
export class Registered {
  readonly #broker: Broker
  readonly #keys: Keys
  readonly #services = new Map<string, { readonly manifest: Manifest; readonly running: RemoteService }>()

  constructor(broker: Broker, keys: Keys) {
    this.#broker = broker
    this.#keys = keys
  }

  get ids(): Iterable<string> {
    return this.#services.keys()
  }

  has(id: string): boolean {
    return this.#services.has(id)
  }

  manifest(id: string): Manifest | undefined {
    return this.#services.get(id)?.manifest
  }

  running(id: string): RemoteService | null {
    return this.#services.get(id)?.running ?? null
  }

  /** Registers it, or its new manifest: questions that are open go on. */
  register(manifest: Manifest): void {
    const running = this.running(manifest.id) ?? new RemoteService(manifest.id, this.#broker, this.#keys)
    this.#services.set(manifest.id, { manifest, running })
  }

  unregister(id: string): void {
    this.#services.delete(id)
  }

  /** @returns whether the answer was to a question of ours, and not a task's result */
  answered(id: string, execution: TaskExecutionId, answer: ServiceAnswer): boolean {
    return this.running(id)?.answered(execution, answer) ?? false
  }
}
