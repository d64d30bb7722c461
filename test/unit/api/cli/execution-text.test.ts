import assert from "node:assert/strict"
import { executionText } from "../../../../agent/api/cli/render/execution.ts"
import type { Terminal } from "../../../../agent/api/cli/terminal.ts"
import { testEngine, type TestService } from "../../../support/engine.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

const ANY = { data: { type: "object" } } as const
const PLAIN: Terminal = {
  out: assert.fail,
  err: assert.fail,
  isInteractive: false,
  colours: false,
  columns: 120,
  now: () => 0,
}

describe("an execution as a person sees it", () => {
  it("ticks a task on the branches that led to it, and not where the same task lies on one that was not taken", async () => {
    const turning = { statuses: { ok: ANY, other: ANY }, effect: "pure" } as const
    const service: TestService = {
      manifest: { ...WORK, tasks: { ...WORK.tasks, turn: turning } },
      execute: ({ task }) => ({ kind: "result", status: task === "turn" ? "other" : "ok", data: {} }),
    }
    const test = await testEngine([service])
    const tasks = {
      first: { run: "work.do" },
      turn: { run: "work.turn", after: "first.ok" },
      straight: { run: "work.do", after: "first.ok" },
      both: { run: "work.do", after: ["turn.ok", "straight.ok"], join: "any" },
      beyond: { run: "work.do", after: "both.ok" },
      aside: { run: "work.do", after: "turn.other" },
    }
    await test.engine.applications.deploy(workApplication("app", tasks), {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    const text = executionText(test.engine.executions.show(executions[0]!), PLAIN)
    const tree = text.slice(text.indexOf("\n\n") + 2).replaceAll("  0 ms  {}", "")
    assert.equal(
      tree,
      "✔ first ok\n" +
        "├─ ✔ turn other\n" +
        "│  ├─ · both\n" +
        "│  │  └─ · beyond  [not-taken]\n" +
        "│  └─ ✔ aside ok  [completed]\n" +
        "└─ ✔ straight ok\n" +
        "   └─ ✔ both ok\n" +
        "      └─ ✔ beyond ok  [completed]\n",
    )
    await test.stop()
  })
})
