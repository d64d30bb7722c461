import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ROOT } from "../support/sources.ts"

const reporter = join(ROOT, "packaging/test-reporter.mjs")
const mocha = join(ROOT, "node_modules/.bin/mocha")

describe("the test command", () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mesg-reporter-"))
  })
  after(() => rmSync(folder, { recursive: true }))

  const cases: { name: string; text: string; ends: RegExp; code: number }[] = [
    {
      name: "counts what passed",
      text: 'it("a", () => {}); it("b", () => {})',
      ends: /\n2 passed, 0 failed\n$/,
      code: 0,
    },
    {
      name: "fails with a test that fails",
      text: 'it("a", () => { throw new Error("why") })',
      ends: /why[^]*\n0 passed, 1 failed\n$/,
      code: 1,
    },
    {
      name: "fails when no test ran",
      text: 'describe("none", () => {})',
      ends: /no test ran\n0 passed, 0 failed\n$/,
      code: 1,
    },
    {
      name: "names what was left out",
      text: 'it("a", () => {}); it("later")',
      ends: /skipped: later\n[^]*1 skipped\n1 passed, 0 failed\n$/,
      code: 0,
    },
  ]
  for (const { name, text, ends, code } of cases) {
    it(name, () => {
      const file = join(folder, "one.test.mjs")
      writeFileSync(file, `${text}\n`)
      const result = spawnSync(mocha, ["--fail-zero", "--reporter", reporter, file], { encoding: "utf8", cwd: folder })
      assert.match(result.stdout, ends)
      assert.equal(result.status, code)
    })
  }
})
