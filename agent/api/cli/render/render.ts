import type { OperationId } from "../../operations/table.ts"
import type { Terminal } from "../terminal.ts"
import type { Renderers } from "./renderer.ts"

/** @returns the answer of an operation as text that ends in a line feed; loads only what that area needs */
export async function render(id: OperationId, body: unknown, terminal: Terminal): Promise<string> {
  const renderer = (await renderersOf(id))[id]
  if (renderer !== undefined) return renderer(body as never, terminal)
  return body === null ? "done\n" : `${JSON.stringify(body, null, 2)}\n`
}

async function renderersOf(id: OperationId): Promise<Renderers> {
  switch (id.split(".", 1)[0]) {
    case "execution":
      return (await import("./execution.ts")).EXECUTION_RENDERERS
    case "application":
      return (await import("./application.ts")).APPLICATION_RENDERERS
    case "service":
    case "event":
      return (await import("./service.ts")).SERVICE_RENDERERS
    case "network":
    case "account":
    case "transaction":
    case "market":
      return (await import("./network.ts")).NETWORK_RENDERERS
    default:
      return (await import("./system.ts")).SYSTEM_RENDERERS
  }
}
