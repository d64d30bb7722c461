import { join } from "node:path"
import { ensureBundle } from "../../packaging/bundle.mjs"
import { ROOT } from "./sources.ts"

/** @returns the program that users run, built from these sources where that was not done yet */
export function bundledProgram(): string {
  return join(ensureBundle(ROOT), "mesg.js")
}
