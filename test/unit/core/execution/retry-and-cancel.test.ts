import assert from "node:assert/strict"
import { RETRY_DELAY_MS_MAX, TASK_INTERRUPTIONS_MAX } from "../../../../agent/base/limits.ts"
import { nextDueMs, pendingWork } from "../../../../agent/core/execution/pending.ts"
import { replay } from "../../../../agent/core/execution/replay.ts"
import { definitionOf, START_MS, Walk } from "../../../support/workflow.ts"

const retrying = (retry: Record<string, number>, run = "s.tries") => definitionOf({ a: { run, retry } })

describe("retries", () => {
  it("come after a backoff that grows by its factor, as many as the manifest allows, then the task ends in error", () => {
    const walk = new Walk(definitionOf({ a: { run: "s.tries" } }))
    for (const [attempt, delayMs] of [
      [1, 100],
      [2, 200],
    ] as const) {
      assert.equal(walk.task("a").attempts, attempt)
      walk.fail("a")
      assert.deepEqual([walk.task("a").state, walk.state.status], ["created", "running"])
      assert.equal(nextDueMs(walk.state), walk.nowMs + delayMs)
      assert.equal(walk.pass(delayMs - 1), "INPUT_OUT_OF_TURN", "not a moment too early")
      assert.equal(walk.pass(1), null)
      assert.equal(walk.task("a").state, "started")
    }
    walk.fail("a", { code: "LAST", message: "the third" })
    assert.equal(walk.state.status, "failed")
    assert.deepEqual([walk.task("a").status, walk.task("a").data], ["error", { code: "LAST", message: "the third" }])
    assert.equal(nextDueMs(walk.state), null)
  })

  it("that succeed go on, with the first attempt's start time", () => {
    const walk = new Walk(definitionOf({ a: { run: "s.tries" }, b: { after: "a.ok" } }))
    walk.fail("a")
    walk.pass(100)
    walk.end("a", "ok")
    assert.deepEqual([walk.task("a").attempts, walk.task("a").startedMs], [2, START_MS])
    assert.equal(walk.task("b").state, "started")
  })

  it("never wait longer than the limit", () => {
    const walk = new Walk(retrying({ attempts: 100, backoffMs: 3_600_000, factor: 10 }))
    for (let i = 0; i < 5; i++) {
      walk.fail("a")
      const delayMs = nextDueMs(walk.state)! - walk.nowMs
      assert.ok(delayMs <= RETRY_DELAY_MS_MAX, `${delayMs}`)
      walk.pass(delayMs)
    }
  })

  it("are of the attempt that failed: an answer to an earlier one does not count", () => {
    const walk = new Walk(definitionOf({ a: { run: "s.tries" } }))
    walk.fail("a")
    walk.pass(100)
    assert.equal(walk.fail("a", { attempt: 1 }), "TASK_NOT_STARTED")
    assert.equal(walk.task("a").state, "started")
  })

  it("end in timed-out where the last attempt took too long", () => {
    const walk = new Walk(definitionOf({ a: { run: "s.t" }, late: { after: "a.timed-out" } }))
    walk.fail("a", { cause: "timed-out", code: "TIMED_OUT" })
    assert.deepEqual([walk.task("a").state, walk.task("a").status], ["timed-out", "timed-out"])
    assert.equal(walk.task("late").state, "started")
  })

  const effects: { run: string; outcome: "known" | "unknown"; again: boolean }[] = [
    { run: "s.risky", outcome: "unknown", again: false },
    { run: "s.risky", outcome: "known", again: true },
    { run: "s.tries", outcome: "unknown", again: true },
    { run: "s.tries", outcome: "known", again: true },
  ]
  for (const { run, outcome, again } of effects) {
    for (const cause of ["error", "timed-out", "interrupted"] as const) {
      it(`${again ? "repeat" : "never repeat"} ${run} after ${cause} with outcome ${outcome}`, () => {
        const walk = new Walk(definitionOf({ a: { run } }))
        walk.fail("a", { cause, outcome })
        assert.equal(walk.task("a").state === "created", again)
        if (!again) assert.equal(walk.state.status, "failed")
      })
    }
  }
})

describe("interruptions", () => {
  const interrupt = (walk: Walk) => walk.fail("a", { cause: "interrupted", code: "INTERRUPTED", outcome: "unknown" })

  it("begin again at once and use up no try", () => {
    const walk = new Walk(definitionOf({ a: { run: "s.tries" } }))
    for (let i = 0; i < 5; i++) {
      interrupt(walk)
      assert.equal(nextDueMs(walk.state), walk.nowMs)
      walk.pass(0)
    }
    assert.deepEqual([walk.task("a").attempts, walk.task("a").interruptions], [6, 5])
    for (const delayMs of [100, 200]) {
      walk.fail("a")
      assert.equal(nextDueMs(walk.state), walk.nowMs + delayMs, "the backoff counts failures only")
      walk.pass(delayMs)
    }
    walk.fail("a")
    assert.equal(walk.state.status, "failed")
  })

  it(`end in error INTERRUPTED after ${TASK_INTERRUPTIONS_MAX}: the task may be what kills the Core`, () => {
    const walk = new Walk(definitionOf({ a: { run: "s.t" }, mend: { after: "a.error" } }))
    for (let i = 0; i < TASK_INTERRUPTIONS_MAX; i++) {
      interrupt(walk)
      walk.pass(0)
    }
    assert.equal(walk.task("a").state, "started")
    interrupt(walk)
    assert.deepEqual([walk.task("a").status, (walk.task("a").data as { code: string }).code], ["error", "INTERRUPTED"])
    assert.equal(walk.task("mend").state, "started", "it can be wired")
  })

  it("are found in the replayed state alone", () => {
    const walk = new Walk(definitionOf({ a: {}, l: { after: "a.ok" }, r: { after: "a.ok", run: "s.tries" } }))
    walk.end("a", "ok")
    assert.deepEqual(pendingWork(replay(walk.definition, walk.inputs)!), { startable: [], interrupted: [1, 2] })
    walk.fail("r")
    assert.deepEqual(pendingWork(replay(walk.definition, walk.inputs)!), { startable: [], interrupted: [1] })
    walk.busy = true
    walk.pass(100)
    assert.deepEqual(pendingWork(replay(walk.definition, walk.inputs)!), { startable: [2], interrupted: [1] })
  })
})

describe("cancelling", () => {
  const wait = { wait: { service: "s", event: "x", timeout: "1m" } }

  it("ends running tasks in cancelled, runs what follows that status, then the execution is cancelled", () => {
    const walk = new Walk(
      definitionOf({ a: {}, tidy: { after: "a.cancelled" }, more: { after: "tidy.ok" }, b: { after: "a.ok" } }),
    )
    walk.cancel()
    assert.deepEqual(walk.takeStarted(), ["a", "tidy"])
    assert.equal(walk.state.status, "running")
    assert.deepEqual(walk.task("a").status, "cancelled")
    walk.end("tidy", "ok")
    assert.deepEqual(walk.takeStarted(), ["more"])
    walk.end("more", "ok")
    assert.equal(walk.state.status, "cancelled")
    assert.deepEqual(walk.branches(), { "a tidy more": "completed", "a b": "not-taken" })
  })

  it("aborts every attempt that is under way, and only those", () => {
    const walk = new Walk(definitionOf({ a: {}, l: { after: "a.ok" }, r: { after: "a.ok", run: "s.tries" } }))
    walk.end("a", "ok")
    walk.fail("r")
    walk.effects.length = 0
    walk.cancel()
    assert.deepEqual(walk.effects, [{ kind: "abort", task: walk.index("l") }])
    assert.deepEqual(walk.branches(), { "a l": "cancelled", "a r": "cancelled" })
  })

  it("begins no new attempt of what it ends", () => {
    const walk = new Walk(definitionOf({ a: { run: "s.tries" } }))
    walk.fail("a")
    walk.cancel()
    walk.pass(60_000)
    assert.deepEqual([walk.task("a").status, walk.state.status], ["cancelled", "cancelled"])
    assert.deepEqual(walk.takeStarted(), ["a"])
  })

  it("gives what cleans up all its tries", () => {
    const walk = new Walk(definitionOf({ a: {}, tidy: { after: "a.cancelled", run: "s.tries" } }))
    walk.cancel()
    walk.fail("tidy")
    assert.deepEqual([walk.task("tidy").state, walk.state.status], ["created", "running"])
    walk.pass(100)
    assert.deepEqual(walk.takeStarted(), ["a", "tidy", "tidy"])
    walk.end("tidy", "ok")
    assert.deepEqual(walk.branches(), { "a tidy": "completed" })
    assert.equal(walk.state.status, "cancelled")
  })

  it("cleans up after a crash too", () => {
    const walk = new Walk(definitionOf({ a: {}, tidy: { after: "a.cancelled", run: "s.tries" } }))
    walk.cancel()
    walk.fail("tidy", { cause: "interrupted", code: "INTERRUPTED", outcome: "unknown" })
    walk.pass(0)
    assert.deepEqual(walk.takeStarted(), ["a", "tidy", "tidy"])
    walk.end("tidy", "ok")
    assert.equal(walk.state.status, "cancelled")
  })

  it("leaves a wait as it is and its branch cancelled", () => {
    const walk = new Walk(definitionOf({ a: {}, z: { after: "a.ok", ...wait }, n: { after: "z.ok" } }))
    walk.end("a", "ok")
    walk.cancel()
    assert.deepEqual([walk.state.status, walk.branches()], ["cancelled", { "a z n": "cancelled" }])
  })

  it("begins no wait: a task that waits behind `cancelled` is not reached", () => {
    const walk = new Walk(definitionOf({ a: {}, z: { after: "a.cancelled", ...wait } }))
    walk.cancel()
    assert.deepEqual([walk.state.status, walk.task("z").state], ["cancelled", "idle"])
    assert.deepEqual(walk.branches(), { "a z": "cancelled" })
  })

  it("ends an execution that waits for its turn", () => {
    const walk = new Walk(definitionOf({ a: {}, b: { after: "a.ok" } }), { held: true })
    walk.cancel()
    assert.deepEqual([walk.state.status, walk.branches()], ["cancelled", { "a b": "cancelled" }])
    assert.deepEqual(walk.takeStarted(), [])
  })

  it("takes no late result, no event and no second cancellation", () => {
    const walk = new Walk(definitionOf({ a: {}, tidy: { after: "a.cancelled" }, z: { after: "tidy.ok", ...wait } }))
    walk.cancel()
    assert.equal(walk.end("a", "ok"), "TASK_ENDED")
    assert.equal(walk.event("x"), "INPUT_OUT_OF_TURN")
    assert.equal(walk.cancel(), "INPUT_OUT_OF_TURN")
    assert.deepEqual(walk.task("a").data, { code: "CANCELLED", message: "the execution was cancelled" })
  })
})
