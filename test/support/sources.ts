import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** The top of the checkout. */
export const ROOT = dirname(dirname(import.meta.dirname))

export interface Source {
  /** From the top of the checkout, with slashes. */
  readonly path: string
  readonly text: string
}

/** Every file that git keeps or would keep, whose path matches. */
export function sources(pattern: RegExp): Source[] {
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: ROOT,
    encoding: "utf8",
  })
  return list
    .split("\0")
    .filter((path) => path !== "" && pattern.test(path) && existsSync(join(ROOT, path)))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }))
}

/** @returns `path:line: text` for each line that matches */
export function linesWith(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  )
}
