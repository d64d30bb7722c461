import type { WebhookRequest, WebhookResponse } from "../../ports/service-host.ts"
import { RegistryError } from "./error.ts"

type Handler = (request: WebhookRequest) => Promise<WebhookResponse>

/** Who answers below `/hooks/`. A path belongs to the first service that asked for it. */
export class Webhooks {
  readonly #handlers = new Map<string, { service: string; handler: Handler }>()

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

  /** The longest path that leads to the request answers it. @returns null where none does */
  async answer(request: WebhookRequest): Promise<WebhookResponse | null> {
    const levels = request.path.replace(/^\/+|\/+$/g, "").split("/")
    for (let length = levels.length; length > 0; length--) {
      const entry = this.#handlers.get(levels.slice(0, length).join("/"))
      if (entry !== undefined) return entry.handler(request)
    }
    return null
  }
}
