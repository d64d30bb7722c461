import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { replay } from "../../agent/core/execution/replay.ts"
import { executionView } from "../../agent/engine/executions/view.ts"
import { HISTORIES, type History } from "../support/histories.ts"
import { SCENARIOS } from "../support/history-scenarios.ts"

/*
 * Records the histories that are not there yet: `node test/golden/make-histories.ts`. One that is there is never written
 * again: it stands for what gateways out there have in their stores, and must replay for ever.
 */
mkdirSync(HISTORIES, { recursive: true })
for (const [name, record] of Object.entries(SCENARIOS)) {
  const path = join(HISTORIES, `${name}.json`)
  if (existsSync(path)) continue
  const { definition, steps } = await record()
  const state = replay(
    definition,
    steps.flatMap(({ inputs }) => inputs),
  )
  const history: History = { name, definition, steps, view: executionView(state!) }
  writeFileSync(path, `${JSON.stringify(history, null, 1)}\n`, { flag: "wx" })
  process.stdout.write(`recorded ${name}\n`)
}
