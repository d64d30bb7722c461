import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { tempDir } from "../../support/temp-dir.ts"
import type { Mutant } from "./mutant.ts"

const ROOT = resolve(import.meta.dirname, "../../..")
const COPIED = ["agent", "plugins", "test", "packaging", "package.json", ".mocharc.json", "tsconfig.json"]

/** @returns a folder with the sources and the tests, to be broken */
export function copyTree(): string {
  const folder = tempDir("mutants")
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"))
  return folder
}

/** @returns what `act` does while the copy is broken; `misfit` where a patch fits no more, or twice */
export async function whilePatched<Result>(
  tree: string,
  patches: Mutant["patches"],
  act: () => Promise<Result>,
): Promise<Result | { readonly misfit: string }> {
  const originals = new Map<string, string>()
  try {
    for (const { file, from, to } of patches) {
      const path = join(tree, file)
      const text = readFileSync(path, "utf8")
      if (!originals.has(path)) originals.set(path, text)
      const places = text.split(from).length - 1
      if (places !== 1) return { misfit: `the patch of ${file} fits ${places} times: bring it up to date` }
      writeFileSync(
        path,
        text.replace(from, () => to),
      )
    }
    return await act()
  } finally {
    for (const [path, text] of originals) writeFileSync(path, text)
  }
}
