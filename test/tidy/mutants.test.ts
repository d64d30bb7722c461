import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { MUTANTS } from "../reliability/mutants/table.ts"

const ROOT = resolve(import.meta.dirname, "../..")

describe("the mutants", () => {
  for (const { name, patches, spec } of MUTANTS) {
    it(`${name} fits the code of today, and its test is there`, () => {
      assert.ok(existsSync(join(ROOT, spec)), spec)
      for (const { file, from } of patches) {
        assert.equal(readFileSync(join(ROOT, file), "utf8").split(from).length - 1, 1, `${file}:\n${from}`)
      }
    })
  }
})
