import assert from "node:assert/strict"
import type { InlineJoin } from "../../../../nodered-nodes/src/flow/inline.ts"
import { Joins } from "../../../../nodered-nodes/src/runtime/inline/joins.ts"
import { KeptEvents } from "../../../../nodered-nodes/src/runtime/inline/kept-events.ts"
import { EVENTS_KEPT_MAX, JOINED_REMEMBERED_MAX, JOINS_MAX } from "../../../../nodered-nodes/src/runtime/limits.ts"
import type { Message } from "../../../../nodered-nodes/src/runtime/red.ts"

const status = (node: string, name: string) => ({ from: { node, instances: [] }, status: name })
const ALL: InlineJoin = { join: "all", statuses: [status("pay", "paid"), status("tell", "told")] }
const ANY: InlineJoin = { ...ALL, join: "any" }

const message = (id: string, ended: Readonly<Record<string, string>>, more = {}): Message => {
  const tasks = Object.fromEntries(Object.entries(ended).map(([name, one]) => [name, { status: one, data: name }]))
  return { _msgid: id, mesg: { trigger: { data: 1 }, tasks, ended }, ...more }
}

/** Joins one message after another. @returns what each became, with the ids whose `done` was called by then */
function joined(join: InlineJoin, messages: readonly Message[], joins = new Joins(() => {})): string[] {
  const done: string[] = []
  return messages.map((one, i) => {
    const took = joins.take(one, () => done.push(String(i)), join)
    return `${typeof took === "string" ? took : "goes on"} ${done.join("")}`.trim()
  })
}

describe("messages of one occurrence", () => {
  it("go on as one, with what each of them brought, when all are there", () => {
    const joins = new Joins(() => {})
    joins.take(message("m", { pay: "paid" }), () => {}, ALL)
    const took = joins.take(message("m", { tell: "told" }), () => {}, ALL)
    assert.ok(typeof took !== "string")
    const { tasks, trigger } = took.message.mesg as { tasks: object; trigger: object }
    assert.deepEqual(tasks, { pay: { status: "paid", data: "pay" }, tell: { status: "told", data: "tell" } })
    assert.deepEqual(trigger, { data: 1 })
  })

  const paid = message("m", { pay: "paid" })
  const told = message("m", { tell: "told" })
  const cases = [
    {
      name: "are done when they go on, and one that comes later is late",
      join: ALL,
      of: [paid, told, paid],
      are: ["held", "goes on 0", "held 02"],
    },
    {
      name: "go on with the first of any, once",
      join: ANY,
      of: [told, paid, told],
      are: ["goes on", "held 1", "held 12"],
    },
    { name: "bring the same status once", join: ALL, of: [paid, paid, told], are: ["held", "held 1", "goes on 10"] },
    {
      name: "may bring what they passed before",
      join: ALL,
      of: [message("m", { pay: "paid", tell: "told" })],
      are: ["goes on"],
    },
    {
      name: "are not joined with those of another",
      join: ALL,
      of: [paid, message("n", { tell: "told" })],
      are: ["held", "held"],
    },
    {
      name: "are joined by their place in what was split",
      join: ALL,
      of: [
        message("m", { pay: "paid" }, { parts: { id: "p", index: 0 } }),
        message("m", { tell: "told" }, { parts: { id: "p", index: 1 } }),
        message("m", { tell: "told" }, { parts: { id: "p", index: 0 } }),
      ],
      are: ["held", "held", "goes on 0"],
    },
    {
      name: "that say nothing of what is joined are lost",
      join: ALL,
      of: [{ _msgid: "m", payload: 1 }, message("m", { pay: "refused" }), paid],
      are: ["lost", "lost", "held"],
    },
  ]
  for (const { name, join, of, are } of cases) it(name, () => assert.deepEqual(joined(join, of), are))

  it("are let go, said once, and complete nothing, where too many wait for their others", () => {
    let said = 0
    const joins = new Joins(() => said++)
    const done: number[] = []
    for (let i = 0; i < JOINS_MAX + 2; i++) joins.take(message(`m${i}`, { pay: "paid" }), () => done.push(i), ALL)
    joins.close()
    assert.deepEqual([done, said], [[], 1])
  })

  it("are remembered up to a bound", () => {
    const joins = new Joins(() => {})
    for (let i = 0; i <= JOINED_REMEMBERED_MAX; i++) joins.take(message(`m${i}`, {}), () => {}, ANY)
    assert.deepEqual(joined(ANY, [message("m1", {}), message("m0", {})], joins), ["held 0", "goes on 0"])
  })
})

describe("events that come before the statuses", () => {
  const item = (second: number, data: unknown = second) => {
    const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
    return { service: "car", event: "unplugged", id: null, time, data }
  }
  const begun = (second: number, more = {}): Message => ({ mesg: { trigger: item(second), tasks: {}, ...more } })
  const later = () => performance.now() + 1e6

  it("count from the one that the message began with, which does not", () => {
    const kept = new KeptEvents()
    for (const second of [1, 2, 3, 4]) kept.add(item(second))
    assert.deepEqual(
      kept.since(begun(2), later()).map(({ data }) => data),
      [3, 4],
    )
  })

  it("count once: not for a wait behind the one that they ended", () => {
    const kept = new KeptEvents()
    for (const second of [2, 3]) kept.add(item(second))
    assert.deepEqual(kept.since(begun(1, { event: item(2) }), later()), [item(3)])
  })

  it("count from when the message came where it did not begin with an event", () => {
    const kept = new KeptEvents()
    kept.add(item(1))
    const sinceMs = performance.now()
    kept.add(item(2))
    assert.deepEqual(kept.since({ payload: 1 }, sinceMs), [item(2)])
  })

  it("are the last ones", () => {
    const kept = new KeptEvents()
    for (let i = 0; i <= EVENTS_KEPT_MAX; i++) kept.add(item(1, i))
    const all = kept.since({ payload: 1 }, 0)
    assert.deepEqual([all.length, all[0]!.data], [EVENTS_KEPT_MAX, 1])
  })
})
