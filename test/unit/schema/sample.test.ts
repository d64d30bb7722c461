import assert from "node:assert/strict"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { readManifest } from "../../../agent/io/service-host/manifest-file.ts"
import { compileDataSchema } from "../../../agent/schema/data-schema.ts"
import type { JsonObject } from "../../../agent/schema/json.ts"
import { sampleOf } from "../../../agent/schema/sample.ts"
import { ROOT } from "../../support/sources.ts"

const cases: [schema: JsonObject, sample: unknown][] = [
  [{}, {}],
  [{ const: null }, null],
  [{ type: "string", default: "d", examples: ["e"] }, "d"],
  [{ enum: ["a", "b"] }, "a"],
  [{ type: "string" }, "text"],
  [{ type: "string", minLength: 6 }, "text.."],
  [{ type: "string", format: "date-time" }, "2026-01-01T00:00:00Z"],
  [{ type: "integer", minimum: 5 }, 5],
  [{ type: "number", exclusiveMinimum: 5 }, 6],
  [{ type: "number", maximum: -2 }, -2],
  [{ type: ["null", "boolean"] }, true],
  [{ type: "null" }, null],
  [{ type: "array", items: { type: "integer" } }, []],
  [{ type: "array", items: { type: "integer" }, minItems: 2 }, [1, 1]],
  [{ oneOf: [{ type: "boolean" }, { type: "string" }] }, true],
  [{ type: "object", properties: { a: { type: "object", properties: { b: { const: 7 } } } } }, { a: { b: 7 } }],
]

describe("a sample of data", () => {
  for (const [schema, sample] of cases) {
    it(`of ${JSON.stringify(schema)} is ${JSON.stringify(sample)}, and fits`, () => {
      assert.deepEqual(sampleOf(schema), sample)
      const compiled = compileDataSchema(schema)
      assert.ok(compiled.ok)
      assert.deepEqual(compiled.check(sampleOf(schema)), [])
    })
  }

  it("fits every event of the services that ship with the agent", async () => {
    for (const name of readdirSync(join(ROOT, "plugins"))) {
      const manifest = await readManifest(join(ROOT, "plugins", name))
      for (const [event, { data }] of Object.entries(manifest.events)) {
        const compiled = compileDataSchema(data)
        assert.ok(compiled.ok)
        assert.deepEqual(compiled.check(sampleOf(data)), [], `${name}.${event}`)
      }
    }
  })
})
