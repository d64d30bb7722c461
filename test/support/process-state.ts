import assert from "node:assert/strict"
import { readFileSync } from "node:fs"

/**
 * Whether a process has ended, also where nobody has asked for its status yet. One that was just killed is what it was
 * until the kernel has come to it: to be waited for.
 */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z")
  } catch (error) {
    assert.match((error as NodeJS.ErrnoException).code ?? "", /^(?:ENOENT|ESRCH)$/)
    return true
  }
}
