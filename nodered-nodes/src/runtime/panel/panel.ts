import type { CompiledApplication } from "../../flow/compile.ts"
import type { BranchBoard } from "../deploy/branch-board.ts"
import { PANEL_APPLICATIONS_MAX } from "../limits.ts"
import type { PanelAgent, PanelApplication, PanelRefusal, PanelView, Standing } from "./view.ts"

/** One application of the flows that were deployed last. */
export interface Row {
  readonly application: CompiledApplication
  /** A node of it to go to. */
  readonly node: string
  standing: Standing
  /** In the agent, as far as these flows made it: where this one is refused, that of the one before. */
  version: number | null
  /** Once it is in the agent. */
  board: Pick<BranchBoard, "open" | "results"> | null
  refusals: readonly PanelRefusal[]
}

/** @param look how an agent stands at the moment, by the id of its configuration node */
export function panelOf(
  rows: readonly Row[],
  look: (agent: string) => Pick<PanelAgent, "name" | "url" | "problem">,
): PanelView {
  const shown = rows.slice(0, PANEL_APPLICATIONS_MAX)
  const ids = [...new Set(shown.map(({ application }) => application.agent))]
  const agents = ids.map((id): PanelAgent => {
    const mine = shown.filter(({ application }) => application.agent === id)
    return { id, ...look(id), applications: mine.map(entryOf) }
  })
  return { agents, more: rows.length - shown.length }
}

function entryOf({ application, node, standing, version, board, refusals }: Row): PanelApplication {
  const open = board?.open() ?? { running: 0, waiting: 0, older: 0, countedAll: true }
  return { name: application.name, standing, version, ...open, results: board?.results.items ?? [], refusals, node }
}
