import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { messageOf } from "../../base/errors.ts"
import { ConfigError } from "./errors.ts"
import { makeFolder } from "../folder.ts"

const FOLDERS = ["keys", "data", "plugins", "run"]
const FIRST_CONFIG = `# Settings of this gateway. Every key is in docs/reference/config.md; \`mesg config show\` tells what holds.
# listen: 0.0.0.0
# mqtt:
#   port: 1883
`

/**
 * Makes the folders and the first `config.yml` of a home; what is there stays as it is.
 * @returns what was made, relative to the home
 * @throws ConfigError CONFIG_UNWRITABLE
 */
export function initHome(home: string): string[] {
  const file = join(home, "config.yml")
  try {
    const made = FOLDERS.filter((folder) => makeFolder(join(home, folder)))
    if (existsSync(file)) return made
    writeFileSync(file, FIRST_CONFIG, { mode: 0o600, flag: "wx" })
    return [...made, "config.yml"]
  } catch (cause) {
    throw new ConfigError({ code: "CONFIG_UNWRITABLE", file }, `${home} cannot be made a home: ${messageOf(cause)}`, {
      remedy: "give the user that runs mesg the right to write there, or choose another folder with --home",
      cause,
    })
  }
}
