import assert from "node:assert/strict"
import { TASK_TIMEOUT_MS_DEFAULT } from "../../../../agent/base/limits.ts"
import { compileWorkflow } from "../../../../agent/core/workflow/compile.ts"
import { checkApplication } from "../../../../agent/core/workflow/rules.ts"
import { applicationOf, catalogueOf, definitionOf, NO_EXPRESSIONS, SERVICE_S } from "../../../support/workflow.ts"

describe("a compiled workflow", () => {
  it("is plain JSON: what the store keeps is what runs", () => {
    const definition = definitionOf({ a: {}, b: { after: "a.ok", wait: { service: "s", event: "x", timeout: "1m" } } })
    assert.deepEqual(JSON.parse(JSON.stringify(definition)), definition)
  })

  it("names tasks by their index: edges, branches, what lies behind", () => {
    const { tasks, branches, first } = definitionOf({
      z: { after: ["l.ok", "r.no"] },
      l: { after: "a.ok" },
      a: {},
      r: { after: ["a.ok", "a.no"], join: "any" },
    })
    assert.equal(first, 2)
    assert.deepEqual(branches, [
      [2, 1, 0],
      [2, 3, 0],
    ])
    assert.deepEqual(
      tasks.map(({ behind }) => behind),
      [[], [0], [0, 1, 3], [0]],
    )
    assert.deepEqual(tasks[0]!.after, [
      { task: 1, status: "ok" },
      { task: 3, status: "no" },
    ])
  })

  it("takes effect, timeout and retries from the manifest, and the application's own above them", () => {
    const { tasks } = definitionOf({
      a: { run: "s.tries" },
      b: { run: "s.tries", after: "a.ok", retry: { attempts: 5 }, timeout: "2s" },
      c: { after: "a.ok" },
    })
    assert.deepEqual(
      tasks.map(({ retry, timeoutMs, effect }) => ({ retry, timeoutMs, effect })),
      [
        { retry: { attempts: 3, backoffMs: 100, factor: 2 }, timeoutMs: TASK_TIMEOUT_MS_DEFAULT, effect: "idempotent" },
        { retry: { attempts: 5, backoffMs: 500, factor: 2 }, timeoutMs: 2000, effect: "idempotent" },
        { retry: { attempts: 1, backoffMs: 500, factor: 2 }, timeoutMs: TASK_TIMEOUT_MS_DEFAULT, effect: "pure" },
      ],
    )
  })

  it("turns durations into ms", () => {
    const { trigger, tasks } = definitionOf(
      { a: {}, b: { after: "a.ok", wait: { service: "s", event: "x", timeout: "2h30m" } } },
      { trigger: { service: "s", event: "e", debounce: "500ms", throttle: "1w" } },
    )
    assert.deepEqual([trigger.debounceMs, trigger.throttleMs, tasks[1]!.wait!.timeoutMs], [500, 604_800_000, 9_000_000])
  })

  it("calls a public application by its outputs, at most once at a time", () => {
    const called = checkApplication(
      { ...applicationOf({ a: {} }), name: "pay", visibility: "public", outputs: { paid: { from: "a.ok" } } },
      catalogueOf([SERVICE_S]),
      NO_EXPRESSIONS,
    ).application!
    const catalogue = catalogueOf([SERVICE_S], [called])
    const checked = checkApplication(
      applicationOf({ a: { run: "app:pay" }, b: { after: "a.paid" } }),
      catalogue,
      NO_EXPRESSIONS,
    )
    assert.deepEqual(checked.refusals, [])
    const [task] = compileWorkflow(checked.application!, "w", 1, {}, catalogue).tasks
    assert.deepEqual([task!.run, task!.statuses, task!.effect], [{ application: "pay" }, ["paid"], "idempotent"])
  })
})
