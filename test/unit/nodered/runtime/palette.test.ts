import assert from "node:assert/strict"
import type { Manifest } from "../../../../agent/schema/manifest.ts"
import { checkManifest } from "../../../../agent/schema/manifest-check.ts"
import { mergedManifest } from "../../../../nodered-nodes/src/runtime/palette/palette.ts"

function manifest(version: string, tasks: readonly string[], events: readonly string[]): Manifest {
  const checked = checkManifest({
    id: "charger",
    name: "Charger",
    version,
    tasks: Object.fromEntries(tasks.map((task) => [task, { description: version, statuses: { done: {} } }])),
    events: Object.fromEntries(events.map((event) => [event, { description: version, data: {} }])),
  })
  assert.ok(checked.ok)
  return checked.manifest
}

describe("a service that several agents have", () => {
  const one = manifest("1.0.0", ["pay", "stop"], ["full"])
  const two = manifest("2.0.0", ["start", "pay"], ["full", "empty"])

  it("is shown once, with everything that any of them has, as the agent of this machine says it", () => {
    const merged = mergedManifest(
      new Map([
        ["http://elsewhere", two],
        ["", one],
      ]),
    )
    const { version, tasks, events } = merged!
    const said = (parts: Readonly<Record<string, { description?: string | undefined }>>) =>
      Object.entries(parts).map(([name, { description }]) => `${name} ${description}`)
    assert.equal(version, "1.0.0")
    assert.deepEqual(said(tasks), ["pay 1.0.0", "stop 1.0.0", "start 2.0.0"])
    assert.deepEqual(said(events), ["full 1.0.0", "empty 2.0.0"])
  })

  it("is what one agent says where no other has it, and nothing where none does", () => {
    assert.deepEqual(mergedManifest(new Map([["", two]])), two)
    assert.equal(mergedManifest(new Map()), null)
  })
})
