import assert from "node:assert/strict"
import type { CompiledApplication } from "../../../../nodered-nodes/src/flow/compile.ts"
import type { Execution } from "../../../../nodered-nodes/src/runtime/api/shapes.ts"
import { Results } from "../../../../nodered-nodes/src/runtime/deploy/results.ts"
import { PANEL_APPLICATIONS_MAX, PANEL_RESULTS_MAX } from "../../../../nodered-nodes/src/runtime/limits.ts"
import { panelOf, type Row } from "../../../../nodered-nodes/src/runtime/panel/panel.ts"

const row = (name: string, agent: string): Row => ({
  application: { name, agent } as CompiledApplication,
  node: `node-${name}`,
  standing: "deploying",
  version: null,
  board: null,
  refusals: [],
})

const execution = (id: string, finished: string | null): Execution =>
  ({ id, workflow: "w", status: finished === null ? "running" : "completed", finished }) as Execution

describe("the side panel's view", () => {
  it("lists applications by their agent, and says of each agent how it stands", () => {
    const look = (agent: string) => ({ name: agent, url: null, problem: agent === "b" ? "away" : null })
    const { agents, more } = panelOf([row("one", "a"), row("two", "b"), row("three", "a")], look)
    assert.deepEqual(
      agents.map(({ id, problem, applications }) => [id, problem, applications.map(({ name }) => name)]),
      [
        ["a", null, ["one", "three"]],
        ["b", "away", ["two"]],
      ],
    )
    assert.equal(more, 0)
  })

  it("is bounded, and says how many are left out", () => {
    const rows = Array.from({ length: PANEL_APPLICATIONS_MAX + 3 }, (_, i) => row(`app-${i}`, ""))
    const { agents, more } = panelOf(rows, () => ({ name: "", url: null, problem: null }))
    assert.equal(agents[0]!.applications.length, PANEL_APPLICATIONS_MAX)
    assert.equal(more, 3)
  })

  it("keeps the last results, newest first, each once, however they come", () => {
    const results = new Results()
    const seconds = [3, 1, 7, 5, 9, 2, 9, 8]
    for (const second of seconds) results.add(execution(`e${second}`, `2026-01-01T00:00:0${second}.000Z`))
    results.add(execution("open", null))
    const newest = [...new Set(seconds)].sort((a, b) => b - a).slice(0, PANEL_RESULTS_MAX)
    assert.deepEqual(
      results.items.map(({ execution: id }) => id),
      newest.map((second) => `e${second}`),
    )
  })
})
