import assert from "node:assert/strict"
import { branchesOf } from "../../../../agent/core/execution/branches.ts"
import { definitionOf, type TaskDocument, Walk } from "../../../support/workflow.ts"

const wait = { wait: { service: "s", event: "x" } }
const tree = { a: { run: "s.u" }, p: { after: "a.done" }, q: { after: "a.part" } }
const diamond = { a: {}, l: { run: "s.u", after: "a.ok" }, r: { after: "a.ok" }, z: { after: ["l.done", "r.ok"] } }

/** Branches after the results, in words: `a p` is a path. */
const cases: {
  name: string
  tasks: Readonly<Record<string, TaskDocument>>
  results: string[]
  branches: Record<string, string>
  remaining?: Record<string, string[]>
  status: string
}[] = [
  {
    name: "all run while their first task does",
    tasks: tree,
    results: [],
    branches: { "a p": "running", "a q": "running" },
    remaining: { "a p": ["a", "p"], "a q": ["a", "q"] },
    status: "running",
  },
  {
    name: "the one that is followed runs, the other is not taken",
    tasks: tree,
    results: ["a.done"],
    branches: { "a p": "running", "a q": "not-taken" },
    remaining: { "a p": ["p"], "a q": [] },
    status: "running",
  },
  {
    name: "a declared status that nobody follows completes all of them there",
    tasks: tree,
    results: ["a.none"],
    branches: { "a p": "completed", "a q": "completed" },
    status: "completed",
  },
  {
    name: "a built-in status that nobody follows fails all of them there",
    tasks: tree,
    results: ["a.error"],
    branches: { "a p": "failed", "a q": "failed" },
    status: "failed",
  },
  {
    name: "timed-out and cancelled of a task are failures too, unless somebody follows them",
    tasks: tree,
    results: ["a.cancelled"],
    branches: { "a p": "failed", "a q": "failed" },
    status: "failed",
  },
  {
    name: "a built-in status that one of them follows: the others are not taken",
    tasks: { ...tree, mend: { after: "a.error" } },
    results: ["a.error", "mend.ok"],
    branches: { "a p": "not-taken", "a q": "not-taken", "a mend": "completed" },
    status: "completed",
  },
  {
    name: "the last task's built-in status fails its branch, the other one goes on",
    tasks: { a: {}, p: { after: "a.ok" }, q: { after: "a.ok" } },
    results: ["a.ok", "p.timed-out"],
    branches: { "a p": "failed", "a q": "running" },
    status: "running",
  },
  {
    name: "and the execution fails when the others have completed",
    tasks: { a: {}, p: { after: "a.ok" }, q: { after: "a.ok" } },
    results: ["a.ok", "p.error", "q.ok"],
    branches: { "a p": "failed", "a q": "completed" },
    status: "failed",
  },
  {
    name: "one that waits for another status is pending",
    tasks: diamond,
    results: ["a.ok", "r.ok"],
    branches: { "a l z": "running", "a r z": "pending" },
    remaining: { "a l z": ["l", "z"], "a r z": ["z"] },
    status: "running",
  },
  {
    name: "and not taken once that status cannot come any more",
    tasks: { ...diamond, y: { after: "l.none" } },
    results: ["a.ok", "r.ok", "l.none"],
    branches: { "a l z": "not-taken", "a r z": "not-taken", "a l y": "running" },
    status: "running",
  },
  {
    name: "or completed where its own task ended in a status that nobody follows",
    tasks: diamond,
    results: ["a.ok", "r.ok", "l.none"],
    branches: { "a l z": "completed", "a r z": "not-taken" },
    status: "completed",
  },
  {
    name: "join any: pending while another status may still come",
    tasks: { ...diamond, z: { after: ["l.done", "r.ok"], join: "any" } },
    results: ["a.ok", "l.none"],
    branches: { "a l z": "completed", "a r z": "running" },
    status: "running",
  },
  {
    name: "join any: one path per task, whichever of its statuses comes",
    tasks: { a: {}, z: { after: ["a.ok", "a.no"], join: "any" } },
    results: ["a.no", "z.ok"],
    branches: { "a z": "completed" },
    status: "completed",
  },
  {
    name: "one that waits for its event is waiting",
    tasks: { a: {}, z: { after: "a.ok", ...wait }, n: { after: "z.ok" } },
    results: ["a.ok"],
    branches: { "a z n": "waiting" },
    remaining: { "a z n": ["z", "n"] },
    status: "waiting",
  },
  {
    name: "one that needs the status of a waiting task is pending",
    tasks: { a: {}, w: { after: "a.ok", ...wait }, r: { after: "a.ok" }, z: { after: ["w.ok", "r.ok"] } },
    results: ["a.ok", "r.ok"],
    branches: { "a w z": "waiting", "a r z": "pending" },
    status: "waiting",
  },
]

describe("branches", () => {
  for (const { name, tasks, results, branches, remaining, status } of cases) {
    it(name, () => {
      const walk = new Walk(definitionOf(tasks))
      for (const result of results) assert.equal(walk.end(...(result.split(".") as [string, string])), null)
      assert.deepEqual(walk.branches(), branches)
      assert.equal(walk.state.status, status)
      const nameOf = (task: number) => walk.definition.tasks[task]!.name
      for (const branch of branchesOf(walk.state)) {
        const path = branch.path.map(nameOf)
        const left = branch.remaining.map(nameOf)
        const over = ["completed", "failed", "not-taken", "cancelled"].includes(branch.status)
        if (over) assert.deepEqual(left, [])
        else assert.deepEqual(left, remaining?.[path.join(" ")] ?? left)
        assert.equal(left.length > 0, !over)
      }
    })
  }

  it("keep the output of a public application that was reached first", () => {
    const walk = new Walk(
      definitionOf(
        { a: {}, p: { after: "a.ok" }, q: { after: "a.ok" } },
        { visibility: "public", outputs: { second: { from: "p.ok" }, first: { from: "q.error" } } },
      ),
    )
    walk.end("a", "ok")
    assert.equal(walk.state.output, null)
    walk.end("q", "error")
    assert.equal(walk.definition.outputs[walk.state.output!]!.status, "first")
    walk.end("p", "ok")
    assert.equal(walk.definition.outputs[walk.state.output!]!.status, "first", "the first one stays")
    assert.equal(walk.state.status, "failed", "it went on to its own end")
  })
})
