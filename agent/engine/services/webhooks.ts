import { SERVICE_WEBHOOK_TIMEOUT_MS } from "../../base/limits.ts"
import type { Clock } from "../../ports/clock.ts"
import type { WebhookRequest, WebhookResponse } from "../../ports/service-host.ts"
import { RegistryError } from "./error.ts"

type Handler = (request: WebhookRequest) => Promise<WebhookResponse>

/** Who answers below `/hooks/`. A path belongs to the first service that asked for it. */
export class Webhooks {
  readonly #clock: Clock
  readonly #handlers = new Map<string, { service: string; handler: Handler }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws RegistryError WEBHOOK_TAKEN */
  add(path: string, service: string, handler: Handler): () => void {
    const name = path.replace(/^\/+|\/+$/g, "")
    const taken = this.#handlers.get(name)
    if (taken !== undefined) {
      throw new RegistryError(
        { code: "WEBHOOK_TAKEN", service, path: name },
        `the webhook "/hooks/${name}" belongs to service "${taken.service}" already`,
        { remedy: "choose another path" },
      )
    }
    const entry = { service, handler }
    this.#handlers.set(name, entry)
    return () => {
      if (this.#handlers.get(name) === entry) this.#handlers.delete(name)
    }
  }

  /** The longest path that leads to the request answers it. @returns null where none does @throws what its handler does */
  async answer(request: WebhookRequest): Promise<WebhookResponse | null> {
    const levels = request.path.replace(/^\/+|\/+$/g, "").split("/")
    for (let length = levels.length; length > 0; length--) {
      const entry = this.#handlers.get(levels.slice(0, length).join("/"))
      if (entry !== undefined) return this.#inTime(entry.service, entry.handler(request))
    }
    return null
  }

  /** Who asks does not wait for ever. @throws Error where the service has not answered in time */
  async #inTime(service: string, answer: Promise<WebhookResponse>): Promise<WebhookResponse> {
    const { promise, reject } = Promise.withResolvers<never>()
    const cancel = this.#clock.schedule(this.#clock.now() + SERVICE_WEBHOOK_TIMEOUT_MS, () =>
      reject(new Error(`service "${service}" has not answered within ${SERVICE_WEBHOOK_TIMEOUT_MS} ms`)),
    )
    try {
      return await Promise.race([answer, promise])
    } finally {
      cancel()
    }
  }
}
