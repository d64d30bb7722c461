import assert from "node:assert/strict"
import { KEPT_EVENTS_PER_WAIT_MAX } from "../../../../agent/base/limits.ts"
import { awaitedEvents } from "../../../../agent/core/execution/transition.ts"
import type { Json } from "../../../../agent/schema/json.ts"
import { definitionOf, type TaskDocument, Walk } from "../../../support/workflow.ts"

/** What happens, in words: `a.ok` is a result, `!x` an event, `+60` seconds, and `=> tasks` those that begin. */
const wait = (event: string, more: Record<string, unknown> = {}) => ({ wait: { service: "s", event, ...more } })

interface Case {
  readonly name: string
  readonly tasks: Readonly<Record<string, TaskDocument>>
  readonly steps: readonly string[]
}

const diamond = { a: {}, l: { after: "a.ok" }, r: { after: "a.ok" } }

const cases: Case[] = [
  {
    name: "join all: begins with the last status",
    tasks: { ...diamond, z: { after: ["l.ok", "r.ok"] } },
    steps: ["a.ok => l r", "l.ok", "r.ok => z", "z.ok", "completed"],
  },
  {
    name: "join all over three, any order",
    tasks: { ...diamond, m: { after: "a.ok" }, z: { after: ["l.ok", "m.no", "r.ok"] } },
    steps: ["a.ok => l m r", "r.ok", "m.no", "l.ok => z", "z.ok", "completed"],
  },
  {
    name: "join all that can no longer be met ends without its task",
    tasks: { ...diamond, z: { after: ["l.ok", "r.ok"] } },
    steps: ["a.ok => l r", "l.ok", "r.no", "completed"],
  },
  {
    name: "join any: begins with the first status, once",
    tasks: { ...diamond, z: { after: ["l.ok", "r.ok"], join: "any" } },
    steps: ["a.ok => l r", "r.ok => z", "l.ok", "z.ok", "completed"],
  },
  {
    name: "join any over two statuses of one task",
    tasks: { a: {}, z: { after: ["a.ok", "a.no"], join: "any" } },
    steps: ["a.no => z", "z.ok", "completed"],
  },
  {
    name: "join any does not run again after its task has ended",
    tasks: { ...diamond, z: { after: ["l.ok", "r.ok"], join: "any" } },
    steps: ["a.ok => l r", "r.ok => z", "z.ok", "l.ok", "completed"],
  },
  {
    name: "a wait: the statuses first, then the event",
    tasks: { a: {}, z: { after: "a.ok", ...wait("x") } },
    steps: ["a.ok", "waiting", "!y", "waiting", "!x => z", "z.ok", "completed"],
  },
  {
    name: "a wait: the event first, then the statuses",
    tasks: { a: {}, z: { after: "a.ok", ...wait("x") } },
    steps: ["!x", "a.ok => z", "z.ok", "completed"],
  },
  {
    name: "join any with a wait: the first status opens it, the event starts it once",
    tasks: { ...diamond, z: { after: ["l.ok", "r.ok"], join: "any", ...wait("x") } },
    steps: ["a.ok => l r", "l.ok", "!x => z", "r.ok", "!x", "z.ok", "completed"],
  },
  {
    name: "join any with a wait: a kept event starts it with the first status",
    tasks: { ...diamond, z: { after: ["l.ok", "r.ok"], join: "any", ...wait("x") } },
    steps: ["!x", "a.ok => l r", "r.ok => z", "l.no", "z.no", "completed"],
  },
  {
    name: "one event starts two waits",
    tasks: { a: {}, m: { after: "a.ok", ...wait("x") }, n: { after: "a.ok", ...wait("x") } },
    steps: ["a.ok", "!x => m n", "m.ok", "n.ok", "completed"],
  },
  {
    name: "an event that started a task does not start the waits behind it",
    tasks: { a: {}, m: { after: "a.ok", ...wait("x") }, n: { after: "m.ok", ...wait("x") } },
    steps: ["!x", "a.ok => m", "m.ok", "waiting", "!x => n", "n.ok", "completed"],
  },
  {
    name: "nor those behind it at some distance",
    tasks: { a: {}, m: { after: "a.ok", ...wait("x") }, k: { after: "m.ok" }, n: { after: "k.ok", ...wait("x") } },
    steps: ["a.ok", "!x => m", "m.ok => k", "k.ok", "waiting", "!x => n", "n.ok", "completed"],
  },
  {
    name: "but an event that came while it ran does",
    tasks: { a: {}, m: { after: "a.ok", ...wait("x") }, n: { after: "m.ok", ...wait("x") } },
    steps: ["a.ok", "!x => m", "!x", "m.ok => n", "n.ok", "completed"],
  },
  {
    name: "and one that was kept beside the one that started it",
    tasks: { a: {}, m: { after: "a.ok", ...wait("x") }, n: { after: "m.ok", ...wait("x") } },
    steps: ["!x", "!x", "a.ok => m", "m.ok => n", "n.ok", "completed"],
  },
  {
    name: "the trigger's own event counts when it comes again",
    tasks: { a: {}, z: { after: "a.ok", ...wait("e") } },
    steps: ["a.ok", "waiting", "!e => z", "z.ok", "completed"],
  },
  {
    name: "timeout runs from the statuses",
    tasks: { a: {}, z: { after: "a.ok", ...wait("x", { timeout: "1m" }) }, late: { after: "z.timed-out" } },
    steps: ["+50", "a.ok", "+59", "waiting", "+1 => late", "late.ok", "completed"],
  },
  {
    name: "a timeout that nobody follows fails the execution",
    tasks: { a: {}, z: { after: "a.ok", ...wait("x", { timeout: "1m" }) } },
    steps: ["a.ok", "+60", "failed"],
  },
  {
    name: "the event in time takes the timeout away",
    tasks: { a: {}, z: { after: "a.ok", ...wait("x", { timeout: "1m" }) }, late: { after: "z.timed-out" } },
    steps: ["a.ok", "+30", "!x => z", "+600", "z.ok", "completed"],
  },
  {
    name: "waits that time out one after the other",
    tasks: {
      a: {},
      m: { after: "a.ok", ...wait("x", { timeout: "1m" }) },
      n: { after: "m.timed-out", ...wait("y", { timeout: "1m" }) },
      z: { after: "n.timed-out" },
    },
    steps: ["a.ok", "+60", "waiting", "+60 => z", "z.ok", "completed"],
  },
  {
    name: "a wait beside a running task: running until that ends",
    tasks: { a: {}, r: { after: "a.ok" }, z: { after: "a.ok", ...wait("x") } },
    steps: ["a.ok => r", "running", "r.ok", "waiting", "!x => z", "z.ok", "completed"],
  },
]

describe("joins and waits", () => {
  for (const { name, tasks, steps } of cases) {
    it(name, () => {
      const walk = new Walk(definitionOf(tasks))
      assert.deepEqual(walk.takeStarted(), ["a"])
      for (const step of steps) {
        const [what = "", begins = ""] = step.split(" => ")
        if (what.startsWith("!")) walk.event(what.slice(1))
        else if (what.startsWith("+")) walk.pass(Number(what.slice(1)) * 1000)
        else if (what.includes(".")) walk.end(what.split(".")[0]!, what.split(".")[1]!)
        else assert.equal(walk.state.status, what, step)
        assert.deepEqual(walk.takeStarted(), begins === "" ? [] : begins.split(" "), step)
      }
    })
  }

  describe("a wait's `where`", () => {
    const where = { a: {}, z: { after: "a.ok", ...wait("x", { where: "data.k = trigger.data.k" }) } }
    const walkOf = () => {
      const asked: Json[] = []
      const walk = new Walk(definitionOf(where), {
        trigger: { k: 1 },
        judge: (_, { data }, { trigger }) => {
          asked.push(data)
          return (data as { k: number }).k === (trigger.data as { k: number }).k
        },
      })
      return { walk, asked }
    }

    it("is asked once the statuses are there, oldest event first, until one matches", () => {
      const { walk, asked } = walkOf()
      walk.event("x", { k: 2 })
      walk.event("x", { k: 1, n: 1 })
      walk.event("x", { k: 1, n: 2 })
      assert.deepEqual(asked, [])
      walk.end("a", "ok")
      assert.deepEqual(asked, [{ k: 2 }, { k: 1, n: 1 }])
      assert.deepEqual(walk.task("z").event?.data, { k: 1, n: 1 }, "the earliest match wins")
      assert.deepEqual(walk.task("z").kept, [])
    })

    it("is asked of each later event as it comes", () => {
      const { walk, asked } = walkOf()
      walk.end("a", "ok")
      walk.event("x", { k: 2 })
      assert.equal(walk.state.status, "waiting")
      assert.deepEqual(walk.task("z").kept, [], "what did not match is forgotten")
      walk.event("x", { k: 1 })
      assert.deepEqual(asked, [{ k: 2 }, { k: 1 }])
      assert.equal(walk.state.status, "running")
    })

    it("may take an event from one wait and leave it for another behind it", () => {
      const walk = new Walk(
        definitionOf({
          a: {},
          m: { after: "a.ok", ...wait("x", { where: "data.for = 'm'" }) },
          n: { after: "m.ok", ...wait("x") },
        }),
        { judge: (task, { data }) => (data as { for: string }).for === task },
      )
      walk.event("x", { for: "n" })
      walk.event("x", { for: "m" })
      walk.end("a", "ok")
      walk.end("m", "ok")
      assert.deepEqual(walk.task("n").event?.data, { for: "n" }, "m looked at it and did not take it")
    })
  })

  describe("kept events", () => {
    const one = { a: {}, z: { after: "a.ok", ...wait("x") } }

    it(`are at most ${KEPT_EVENTS_PER_WAIT_MAX} per wait, the oldest; the others are counted`, () => {
      const walk = new Walk(definitionOf(one))
      for (let n = 0; n < KEPT_EVENTS_PER_WAIT_MAX + 3; n++) assert.equal(walk.event("x", { n }), null)
      assert.equal(walk.task("z").kept.length, KEPT_EVENTS_PER_WAIT_MAX)
      assert.equal(walk.task("z").keptOverflow, 3)
      walk.end("a", "ok")
      assert.deepEqual(walk.task("z").event?.data, { n: 0 })
    })

    it("make room once they did not match", () => {
      const filtered = { a: {}, z: { after: "a.ok", ...wait("x", { where: "data.k" }) } }
      const walk = new Walk(definitionOf(filtered), { judge: (_, { data }) => (data as { k: boolean }).k })
      for (let n = 0; n < KEPT_EVENTS_PER_WAIT_MAX; n++) walk.event("x", { k: false })
      walk.event("x", { k: true })
      walk.end("a", "ok")
      assert.equal(walk.state.status, "waiting", "the one that would have matched did not fit")
      walk.event("x", { k: true })
      assert.deepEqual(walk.takeStarted(), ["a", "z"])
    })

    it("are those of its own service and event, and not recorded where nothing waits for them", () => {
      const walk = new Walk(definitionOf(one))
      assert.equal(walk.event("y"), "INPUT_OUT_OF_TURN")
      const other = { kind: "event", atMs: walk.nowMs, event: { ...eventX(), service: "other" } } as never
      assert.equal(walk.feed(other), "INPUT_OUT_OF_TURN")
      assert.equal(walk.state.arrived, 0)
    })

    it("are let go when the wait times out or opens", () => {
      const walk = new Walk(definitionOf({ ...one, n: { after: "z.ok" } }))
      walk.event("x")
      walk.event("x")
      walk.end("a", "ok")
      assert.deepEqual(walk.task("z").kept, [])
      assert.equal(walk.event("x"), "INPUT_OUT_OF_TURN", "nobody waits any more")
    })
  })

  it("tells which events could still move the execution", () => {
    const walk = new Walk(
      definitionOf({ a: {}, m: { after: "a.ok", ...wait("x") }, n: { after: "m.ok", ...wait("y") } }),
    )
    const awaited = () =>
      awaitedEvents(walk.state).map(({ task, event }) => `${walk.definition.tasks[task]!.name} ${event}`)
    assert.deepEqual(awaited(), ["m x", "n y"])
    walk.end("a", "ok")
    walk.event("x")
    assert.deepEqual(awaited(), ["n y"])
    walk.cancel()
    assert.deepEqual(awaited(), [])
    const held = new Walk(definitionOf({ a: {}, m: { after: "a.ok", ...wait("x") } }), { held: true })
    assert.deepEqual(awaitedEvents(held.state), [], "an execution that has not started hears nothing")
  })
})

function eventX() {
  return { service: "s", event: "x", data: {}, id: null, timeMs: 0 }
}
