import { existsSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { MesgError } from "../../base/errors.ts"

/** Where the agent of the Debian package and of systemd lives. */
export const SERVICE_HOME = "/var/lib/mesg"

/**
 * The folder that holds everything of one agent: configuration, keys, data, plugins.
 * First of: `--home`; MESG_HOME; the folder systemd made (STATE_DIRECTORY); the user's own one if it is there;
 * the one of the installed service if it is there; the user's own one, to be made.
 * @returns an absolute path; the folder need not exist
 * @throws HomeError HOME_INVALID
 */
export function homeFolder(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean = existsSync,
): string {
  const named = flag ?? nonEmpty(env["MESG_HOME"]) ?? nonEmpty(env["STATE_DIRECTORY"])?.split(":")[0]
  if (named !== undefined) return folderAt(named)
  const own = join(nonEmpty(env["XDG_DATA_HOME"]) ?? join(nonEmpty(env["HOME"]) ?? homedir(), ".local/share"), "mesg")
  return !exists(own) && exists(SERVICE_HOME) ? SERVICE_HOME : own
}

export class HomeError extends MesgError<{ readonly code: "HOME_INVALID"; readonly home: string }> {}

function folderAt(named: string): string {
  const home = resolve(named)
  const isFolder = named !== "" && (!existsSync(home) || statSync(home).isDirectory())
  if (isFolder) return home
  const message = named === "" ? "--home names no folder" : `${home} is a file, and a home is a folder`
  throw new HomeError({ code: "HOME_INVALID", home: named }, message, { remedy: "name another folder with --home" })
}

/** @returns whether this home is the one that systemd made for the service: the service's group may use the agent */
export function isSystemService(home: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const made = nonEmpty(env["STATE_DIRECTORY"])?.split(":")[0]
  return made !== undefined && resolve(made) === resolve(home)
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text
}
