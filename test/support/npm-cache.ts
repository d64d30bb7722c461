import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/**
 * Programs that are compared with or tested against, and that are no dependencies: installed outside the checkout, once.
 * @param packages with their exact versions
 * @returns the folder whose node_modules has them
 * @throws with what npm said
 */
export function npmCache(name: string, packages: readonly string[]): string {
  const folder = join(process.env["BENCH_PEERS"] ?? join(homedir(), ".cache/mesg-bench"), name)
  const done = join(folder, "installed")
  if (existsSync(done)) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  const options = ["--no-audit", "--no-fund", "--save-exact", "--loglevel=error"]
  execFileSync("npm", ["install", ...options, ...packages], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 300_000,
  })
  writeFileSync(done, "")
  return folder
}
