import { existsSync } from "node:fs"
import { join } from "node:path"
import { codeFileOf } from "../service-module.ts"

/** Programs that run on their own and register over MQTT. With `--execute TASK` they take inputs on stdin and print one answer. */
const PROGRAMS = ["service.py", "service.sh"]

/** @throws ServiceError SERVICE_CODE_MISSING */
export function codeOfFolder(folder: string): { readonly kind: "module" | "program"; readonly file: string } {
  const program = PROGRAMS.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (program !== undefined) return { kind: "program", file: program }
  return { kind: "module", file: codeFileOf(folder) }
}
