import assert from "node:assert/strict"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const FOLDER = join(import.meta.dirname, "../golden")

/**
 * The text must be what `test/golden/<name>` holds. UPDATE_GOLDEN=1 writes it instead: look at the difference before
 * you commit it.
 */
export function assertGolden(name: string, text: string): void {
  const path = join(FOLDER, name)
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  assert.ok(existsSync(path), `test/golden/${name} is missing: run with UPDATE_GOLDEN=1 and look at it`)
  assert.equal(text, readFileSync(path, "utf8"), `differs from test/golden/${name}`)
}
