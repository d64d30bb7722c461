import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const made: string[] = []

/** An empty folder of its own, removed when the test process ends. */
export function tempDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `mesg-${name}-`))
  if (made.length === 0)
    process.once("exit", () => {
      for (const each of made) rmSync(each, { recursive: true, force: true })
    })
  made.push(dir)
  return dir
}
