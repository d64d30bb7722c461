import type { TaskExecutionId } from "../../base/ids.ts"
import type { Broker } from "../../ports/broker.ts"
import type { Keys } from "../../ports/keys.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { type ServiceAnswer, serviceTopic, TOPIC_ROOT } from "../../schema/service-message.ts"
import { RemoteService } from "./remote.ts"

interface Entry {
  readonly manifest: Manifest
  readonly running: RemoteService
  /** The client that spoke for it last; null where it has said nothing since the start. */
  clientId: string | null
}

/** Services that registered over MQTT: their manifests are retained messages, found again at every start. */
export class Registered {
  readonly #broker: Broker
  readonly #keys: Keys
  readonly #services = new Map<string, Entry>()

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
  register(manifest: Manifest, clientId: string | null): void {
    const before = this.#services.get(manifest.id)
    const running = before?.running ?? new RemoteService(manifest.id, this.#broker, this.#keys)
    this.#services.set(manifest.id, { manifest, running, clientId: clientId ?? before?.clientId ?? null })
  }

  /** A client said something in the service's name. */
  heard(id: string, clientId: string): void {
    const service = this.#services.get(id)
    if (service !== undefined) service.clientId = clientId
  }

  /** Whether somebody is there for it: the client that spoke for it last, or one that takes its tasks. */
  online(id: string): boolean {
    const { manifest, clientId } = this.#services.get(id)!
    const takes = (task: string) => this.#broker.attended(serviceTopic.task(id, task), `${TOPIC_ROOT}/${id}/`)
    if (Object.keys(manifest.tasks).some(takes)) return true
    return clientId !== null && this.#broker.clients().some((client) => client.clientId === clientId)
  }

  unregister(id: string): void {
    this.#services.delete(id)
  }

  /** @returns whether the answer was to a question of ours, and not a task's result */
  answered(id: string, execution: TaskExecutionId, answer: ServiceAnswer): boolean {
    return this.running(id)?.answered(execution, answer) ?? false
  }
}
