import { cpSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { SOURCES } from "../../packaging/bundle.mjs"
import { ROOT } from "./sources.ts"

/** Puts all that a bundle and a binary are made of into another folder, with a link to the packages. */
export function copySources(folder: string): void {
  for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"))
}
