import { execFile, execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const SOURCE = fileURLToPath(new URL("load.c", import.meta.url))

/** Compiles load.c where that has not been done for this text of it. @returns the program */
function driver(): string {
  const program = join(
    tmpdir(),
    `mesg-load-${createHash("sha256").update(readFileSync(SOURCE)).digest("hex").slice(0, 16)}`,
  )
  if (!existsSync(program)) execFileSync("gcc", ["-O2", "-o", program, SOURCE])
  return program
}

export interface Throughput {
  readonly messages: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly p50Us: number
  readonly p99Us: number
  readonly residentKb: number
}

export interface Idle {
  readonly connections: number
  readonly residentBeforeKb: number
  readonly residentKb: number
  readonly cpuSeconds: number
}

/** Where the load goes: a port, and whose CPU and memory count. */
export interface Target {
  readonly port: number
  readonly pid: number
  readonly password?: string
}

/** Runs the load driver. @param options as load.c has them */
export async function load<Answer extends Throughput | Idle>(
  { port, pid, password }: Target,
  ...options: readonly (string | number)[]
): Promise<Answer> {
  const login = password === undefined ? [] : ["-u", "bench", "-k", password]
  const words = ["-p", port, "-B", pid, ...login, ...options].map(String)
  const { stdout } = await promisify(execFile)(driver(), words, { timeout: 30_000 })
  return JSON.parse(stdout) as Answer
}
