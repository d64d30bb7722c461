import type { OperationId } from "../../operations/table.ts"
import type { Terminal } from "../terminal.ts"

/** How one answer is shown to a person. */
export type Renderer = (body: never, terminal: Terminal) => string
export type Renderers = Readonly<Partial<Record<OperationId, Renderer>>>
