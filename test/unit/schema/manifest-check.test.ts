import assert from "node:assert/strict"
import { checkManifest } from "../../../agent/schema/manifest-check.ts"

describe("a manifest", () => {
  const about = { id: "pump", name: "Pump", version: "1.0.0" }
  const reserved: { name: string; more: object; path: string }[] = [
    { name: "an event", more: { events: { constructor: { data: {} } } }, path: "events.constructor" },
    { name: "a task", more: { tasks: { prototype: { statuses: { ok: {} } } } }, path: "tasks.prototype" },
    {
      name: "a status",
      more: { tasks: { go: { statuses: { constructor: {} } } } },
      path: "tasks.go.statuses.constructor",
    },
    {
      name: "a setting",
      more: JSON.parse('{"config":{"__proto__":{"type":"string"}}}') as object,
      path: "config.__proto__",
    },
  ]
  for (const { name, more, path } of reserved) {
    it(`has no name for ${name} that its reader would leave out: ${path}`, () => {
      const checked = checkManifest({ ...about, ...more })
      assert.ok(!checked.ok)
      assert.deepEqual(
        checked.issues.map((issue) => [issue.path.join("."), issue.message.slice(-27)]),
        [[path, " is no name: it is reserved"]],
      )
    })
  }

  it("has any names inside of its schemas", () => {
    const data = { type: "object", properties: { constructor: { type: "string" } } }
    assert.ok(checkManifest({ ...about, events: { made: { data } } }).ok)
  })
})
