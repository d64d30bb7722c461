import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { parseJson } from "../../schema/json.ts"
import { invalid } from "./error.ts"

/** The agent gives it to every service. */
const PROVIDED = ["@mesg/sdk"]

const PackageSchema = v.object({ dependencies: v.optional(v.record(v.string(), v.unknown()), {}) })

/**
 * A packed service brings what it needs: nothing is installed for it, so that nothing is run of packages nobody named.
 * @throws SourceError PACKAGE_INVALID
 */
export async function checkNeeds(folder: string, source: string): Promise<void> {
  const file = join(folder, "package.json")
  if (!existsSync(file)) return
  const document = parseJson(await readFile(file, "utf8"))
  const read = v.safeParse(PackageSchema, document.ok ? document.value : null)
  if (!read.success) throw invalid(source, "its package.json cannot be read")
  const missing = Object.keys(read.output.dependencies)
    .filter((name) => !PROVIDED.includes(name))
    .filter((name) => !existsSync(join(folder, "node_modules", name)))
  if (missing.length === 0) return
  throw invalid(
    source,
    `it needs ${missing.join(", ")} and does not bring it: name it in bundleDependencies, or bundle`,
  )
}
