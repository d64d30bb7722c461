import { chmod, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as v from "valibot"
import { messageOf } from "../../../base/errors.ts"
import { ServiceIdSchema } from "../../../schema/names.ts"
import { ServiceError } from "../service-error.ts"
import { makeFolder } from "../../folder.ts"

export const LANGUAGES = ["ts", "js", "python", "shell"] as const
export type Language = (typeof LANGUAGES)[number]

const TEMPLATES = fileURLToPath(new URL("./templates/", import.meta.url))
const EXECUTABLE = ["service.py", "service.sh"]

/**
 * Writes a small complete service to begin with: an event, a task with two statuses, examples that pass.
 * @param folder is made; must not hold anything yet
 * @returns the files written, relative to the folder
 * @throws ServiceError FOLDER_EXISTS, FOLDER_UNUSABLE, MANIFEST_INVALID (the id)
 */
export async function newService(
  folder: string,
  { id, language }: { readonly id: string; readonly language: Language },
): Promise<readonly string[]> {
  const checked = v.safeParse(ServiceIdSchema, id)
  if (!checked.success) {
    const message = checked.issues[0].message
    const file = join(folder, "service.yml")
    throw new ServiceError({ code: "MANIFEST_INVALID", file, issues: [{ line: null, path: "id", message }] }, message, {
      remedy: "choose another id, lower-case letters, digits and dashes",
    })
  }
  try {
    // Whoever writes a service decides by the umask who reads it.
    makeFolder(folder, 0o777)
  } catch (cause) {
    throw new ServiceError({ code: "FOLDER_UNUSABLE", folder }, `${folder} cannot be made: ${messageOf(cause)}`, {
      remedy: "give a folder in a place that you may write to",
      cause,
    })
  }
  if ((await readdir(folder)).length > 0) {
    throw new ServiceError({ code: "FOLDER_EXISTS", folder }, `${folder} is not empty`, {
      remedy: "give a folder that does not exist yet",
    })
  }
  const from = join(TEMPLATES, language)
  const written: string[] = []
  for (const template of (await readdir(from)).sort()) {
    // The templates' own suffix keeps compilers and formatters of this repository off them.
    const name = template.replace(/\.template$/, "")
    const text = await readFile(join(from, template), "utf8")
    await writeFile(join(folder, name), text.replaceAll("__ID__", id))
    if (EXECUTABLE.includes(name)) await chmod(join(folder, name), 0o755)
    written.push(name)
  }
  return written
}
