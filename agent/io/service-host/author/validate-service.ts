import { accessSync, constants } from "node:fs"
import { permissionWords } from "../../../schema/permission-words.ts"
import type { Manifest } from "../../../schema/manifest.ts"
import { readManifest } from "../manifest-file.ts"
import { codeOfFolder } from "../service-module.ts"

export interface Validation {
  readonly manifest: Manifest
  /** `index.ts`, or the program of a service that runs on its own. */
  readonly code: string
  /** What it will be able to do, in words. */
  readonly permissions: readonly string[]
  /** What works, but is probably not meant. */
  readonly warnings: readonly string[]
}

/**
 * Checks a service's folder without running it.
 * @throws ServiceError MANIFEST_MISSING, MANIFEST_INVALID, SERVICE_CODE_MISSING
 */
export async function validateService(folder: string): Promise<Validation> {
  const manifest = await readManifest(folder)
  const { kind, file } = codeOfFolder(folder)
  const permissions = kind === "program" ? PROGRAM_WORDS : permissionWords(manifest)
  const warnings = [...warningsOf(manifest), ...(kind === "program" ? programWarnings(file) : [])]
  return { manifest, code: file, permissions, warnings }
}

/** What `permissions` and `isolation` of a manifest say is for code that the agent runs. */
const PROGRAM_WORDS = [
  "It is a program of its own: it runs where it is started, with all rights of who starts it, and is not confined.",
]

function* programWarnings(file: string): Generator<string> {
  try {
    accessSync(file, constants.X_OK)
  } catch {
    yield `${file} cannot be started: chmod +x ${file}`
  }
}

function* warningsOf(manifest: Manifest): Generator<string> {
  const events = Object.keys(manifest.events)
  const tasks = Object.entries(manifest.tasks)
  if (events.length + tasks.length === 0) yield "it has neither events nor tasks: no application can use it"
  for (const [name, task] of tasks) {
    if ((task.examples ?? []).length === 0)
      yield `task ${name} has no examples: \`mesg service test\` tests nothing of it`
    const shown = new Set((task.examples ?? []).map((example) => example.status))
    const unshown = Object.keys(task.statuses).filter((status) => !shown.has(status))
    if (shown.size > 0 && unshown.length > 0) yield `task ${name}: no example shows ${unshown.join(", ")}`
    if (Object.keys(task.inputs).length === 0) yield `task ${name} takes any inputs: give \`inputs\` a JSON Schema`
    if (task.verify === "replay" && task.effect !== "pure") {
      yield `task ${name} is verified by replay, but is not pure: another node cannot run it again`
    }
  }
}
