import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { stringify } from "yaml"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { tempDir } from "./temp-dir.ts"

/** A folder with a service in it, removed at the end of the tests. Other files than these two by their relative path. */
export function serviceFolder(
  manifest: Partial<ManifestInput>,
  code: string,
  files: Readonly<Record<string, string>> = {},
): string {
  const folder = tempDir("service")
  const whole = { id: "probe", name: "Probe", version: "1.0.0", ...manifest }
  const all = { "service.yml": stringify(whole), "index.ts": code, ...files }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** Tasks without inputs and with the one status `done`, whose data may be anything. */
export function tasksNamed(...names: readonly string[]): NonNullable<ManifestInput["tasks"]> {
  return Object.fromEntries(names.map((name) => [name, { statuses: { done: {} } }]))
}
