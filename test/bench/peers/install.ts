import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import type { Bench } from "../bench.ts"

/**
 * Installs a program to compare with, outside the checkout, once.
 * @param packages with their exact versions
 * @returns its folder, or null where it cannot be installed here: the figures are then without this peer
 */
export function installed(bench: Bench, name: string, packages: readonly string[]): string | null {
  const folder = join(process.env["BENCH_PEERS"] ?? join(homedir(), ".cache/mesg-bench"), name)
  const done = join(folder, "installed")
  if (existsSync(done)) return folder
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
    const options = ["--no-audit", "--no-fund", "--save-exact"]
    execFileSync("npm", ["install", ...options, ...packages], { cwd: folder, stdio: "ignore", timeout: 300_000 })
    writeFileSync(done, "")
    return folder
  } catch {
    bench.note(`${name} cannot be installed here: its figures are left out`)
    return null
  }
}
