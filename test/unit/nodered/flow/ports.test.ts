import assert from "node:assert/strict"
import fc from "fast-check"
import { portsAfter } from "../../../../nodered-nodes/src/flow/ports.ts"

describe("the ports of a node whose manifest changes", () => {
  const drawn = { statuses: ["paid", "refused", "error"], wires: [["tell"], ["warn", "note"], ["mend"]] }
  const cases = [
    {
      name: "stay when nothing changes",
      declared: ["paid", "refused"],
      statuses: ["paid", "refused", "error"],
      gone: [],
    },
    { name: "follow a new order", declared: ["refused", "paid"], statuses: ["refused", "paid", "error"], gone: [] },
    {
      name: "gain a new status",
      declared: ["paid", "later", "refused"],
      statuses: ["paid", "later", "refused", "error"],
      gone: [],
    },
    {
      name: "keep a status that is gone and has wires",
      declared: ["paid"],
      statuses: ["paid", "refused", "error"],
      gone: ["refused"],
    },
    {
      name: "keep all of them when the task is gone",
      declared: [],
      statuses: ["paid", "refused", "error"],
      gone: ["paid", "refused"],
    },
  ]
  for (const { name, declared, statuses, gone } of cases) {
    it(name, () => {
      const after = portsAfter(drawn, declared)
      assert.deepEqual(after.statuses, statuses)
      assert.deepEqual(after.gone, gone)
      assert.deepEqual(
        after.wires,
        statuses.map((status) => drawn.wires[drawn.statuses.indexOf(status)] ?? []),
      )
    })
  }

  it("lose a status that is gone and has no wires", () => {
    const after = portsAfter({ statuses: ["paid", "refused"], wires: [["tell"], []] }, ["paid"])
    assert.deepEqual(after, { statuses: ["paid"], wires: [["tell"]], gone: [] })
  })

  it("never lose a wire, and are the same when asked again", () => {
    const status = fc.constantFrom("a", "b", "c", "error", "timed-out", "cancelled")
    const declared = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"))
    const ports = fc
      .array(fc.tuple(status, fc.uniqueArray(fc.constantFrom("x", "y"))), { maxLength: 6 })
      .map((list) => ({ statuses: list.map(([one]) => one), wires: list.map(([, wires]) => wires) }))
    const meant = ({ statuses, wires }: { statuses: readonly string[]; wires: readonly (readonly string[])[] }) =>
      new Set(statuses.flatMap((one, i) => wires[i]!.map((to) => `${one} -> ${to}`)))
    fc.assert(
      fc.property(ports, declared, (before, now) => {
        const after = portsAfter(before, now)
        assert.deepEqual(meant(after), meant(before))
        assert.deepEqual(portsAfter(after, now), after)
      }),
    )
  })
})
