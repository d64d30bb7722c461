import assert from "node:assert/strict"
import { Overlaps } from "../../../../agent/engine/executions/overlaps.ts"
import type { Live } from "../../../../agent/engine/executions/live.ts"

/** Executions of one workflow that count how often something of them is looked at. */
function watched() {
  let looks = 0
  const target = { pin: { app: "app", workflow: "w", version: 1 }, state: { status: "created" } }
  const make = () =>
    new Proxy(structuredClone(target), {
      get(live, name) {
        looks++
        return Reflect.get(live, name) as unknown
      },
    }) as unknown as Live
  return { make, looks: () => looks }
}

/** One runs and `count` wait; each ends and makes room for the next. @returns how often something was looked at */
function looksOf(count: number): number {
  const { make, looks } = watched()
  const overlaps = new Overlaps()
  let running: Live | null = make()
  overlaps.add(running, false)
  for (let i = 0; i < count; i++) overlaps.add(make(), true)
  for (let i = 0; i <= count; i++) running = overlaps.remove(running!)
  assert.equal(running, null)
  assert.equal(overlaps.isBusy("app", "w"), false)
  return looks()
}

describe("executions that wait for their turn", () => {
  it("cost ten times as much when they are ten times as many", () => {
    const few = looksOf(500)
    const many = looksOf(5000)
    assert.ok(many <= few * 12, `${few} looks for 500, ${many} for 5,000`)
  })

  it("have it in the order of their events, one at a time, and who was cancelled is passed over", () => {
    const { make } = watched()
    const overlaps = new Overlaps()
    const [running, first, second, third] = [make(), make(), make(), make()]
    overlaps.add(running, false)
    for (const held of [first, second, third]) overlaps.add(held, true)
    assert.equal(overlaps.remove(second), null, "a cancelled one makes no room")
    assert.equal(overlaps.remove(running), first)
    assert.equal(overlaps.remove(first), third)
    assert.equal(overlaps.remove(third), null)
    assert.equal(overlaps.isBusy("app", "w"), false)
  })

  it("wait for all that run, also where a new version lets them run side by side", () => {
    const { make } = watched()
    const overlaps = new Overlaps()
    const [one, other, held] = [make(), make(), make()]
    overlaps.add(one, false)
    overlaps.add(held, true)
    overlaps.add(other, false)
    assert.equal(overlaps.remove(one), null)
    assert.equal(overlaps.remove(other), held)
  })

  it("have it after a restart, one of each workflow", () => {
    const { make } = watched()
    const overlaps = new Overlaps()
    const [first, second] = [make(), make()]
    overlaps.add(first, true)
    overlaps.add(second, true)
    assert.deepEqual([...overlaps.released()], [first])
    assert.deepEqual([...overlaps.released()], [], "it counts as running from then on")
    assert.equal(overlaps.remove(first), second)
  })
})
