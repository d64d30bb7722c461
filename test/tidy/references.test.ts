import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { OPERATIONS } from "../../agent/api/operations/table.ts"
import { references } from "../../packaging/docs.ts"
import { readSourceFacts, type SourceFacts } from "../../packaging/source-facts.ts"
import { ROOT, sources } from "../support/sources.ts"

describe("the references", function () {
  this.timeout(60_000)
  let facts: SourceFacts
  before(() => {
    facts = readSourceFacts(ROOT)
  })

  it("are what the code says", () => {
    for (const [path, text] of references(facts)) {
      assert.equal(readFileSync(join(ROOT, path), "utf8"), text, `${path}: run node packaging/docs.ts`)
    }
  })

  it("name every error code of the code, and no other", () => {
    const documented = [
      ...readFileSync(join(ROOT, "docs/reference/errors.md"), "utf8").matchAll(/^\| `([A-Z0-9_]+)`/gm),
    ]
    const inCode = new Set([...facts.declared, ...facts.used].map(({ code }) => code))
    assert.ok(inCode.size > 50, `${inCode.size} codes`)
    assert.deepEqual(new Set(documented.map(([, code]) => code)), inCode)
  })

  it("declare no error code that nothing raises", () => {
    const raised = new Set([...facts.used.map(({ code }) => code), ...facts.handedOn])
    const idle = facts.declared.filter(({ code }) => !raised.has(code)).map(({ code, file }) => `${file}: ${code}`)
    assert.deepEqual(idle, [])
  })

  it("name no error code that no test names", () => {
    // Lists of all codes show nothing; histories and what tests say do.
    const tests = sources(/^test\/(?!(?:tidy|bench|golden\/(?:api|cli|rules))\/).*\.(?:ts|jsonl?)$/)
    const named = new Set(tests.flatMap(({ text }) => text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b/g) ?? []))
    const codes = new Set([...facts.declared, ...facts.used].map(({ code }) => code))
    assert.deepEqual([...codes].filter((code) => !named.has(code)).sort(), [])
  })

  it("name at each operation only error codes that there are", () => {
    const inCode = new Set([...facts.declared, ...facts.used].map(({ code }) => code))
    const unknown = OPERATIONS.flatMap(({ id, problems }) =>
      problems.filter((code) => !inCode.has(code)).map((code) => `${id}: ${code}`),
    )
    assert.deepEqual(unknown, [])
  })
})
