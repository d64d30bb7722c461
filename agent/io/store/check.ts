import { spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { nodeArguments } from "../../base/node-command.ts"
import { STORE_CHECK_TIMEOUT_MS } from "../../base/limits.ts"
import { StoreError } from "./error.ts"
import { lmdbLock } from "./files.ts"
import type { Tell, WalkVerdict } from "./page-walk.ts"

/** Runs the check of the file named after them. */
const ARGUMENTS = nodeArguments([], fileURLToPath(new URL("./check-child.ts", import.meta.url)))

/** How a process ends when what LMDB maps is not what LMDB expects. */
const DAMAGE_SIGNALS: readonly (NodeJS.Signals | null)[] = ["SIGBUS", "SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL"]

/**
 * Checks a file that nobody has open, in a child process.
 * @throws StoreError STORE_UNUSABLE where no verdict was reached: that says nothing about the file
 */
export async function checkFile(path: string, tell: Tell = () => {}): Promise<WalkVerdict> {
  const child = spawn(process.execPath, [...ARGUMENTS, path], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: STORE_CHECK_TIMEOUT_MS,
    killSignal: "SIGKILL",
  })
  let last = ""
  let complaint = ""
  createInterface({ input: child.stdout }).on("line", (line) => {
    last = line
    const share = Number(line)
    if (!Number.isNaN(share)) tell(share)
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2000)
  })
  const { promise, resolve, reject } = Promise.withResolvers<[number | null, NodeJS.Signals | null]>()
  child.once("error", reject)
  child.once("close", (code, signal) => resolve([code, signal]))
  try {
    const [code, signal] = await promise
    if (code === 0) return JSON.parse(last) as WalkVerdict
    if (DAMAGE_SIGNALS.includes(signal)) return { ok: false, reason: `reading it ends in ${signal}` }
    throw new Error(`the check ended with ${signal ?? code}: ${complaint}`)
  } catch (cause) {
    throw new StoreError({ code: "STORE_UNUSABLE" }, `${path} could not be checked`, {
      remedy: "see the cause in the log; memory or the number of processes may be short",
      cause,
    })
  } finally {
    rmSync(lmdbLock(path), { force: true })
  }
}
