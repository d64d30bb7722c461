import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { isSea } from "node:sea"
import type { LocalCall, LocalResult } from "./api/cli/local.ts"
import { MesgError } from "./base/errors.ts"

export class InstallerError extends MesgError<{ readonly code: "NOT_INSTALLED" }> {}

/** Where install.sh puts the agent of the whole machine; elsewhere it is one user's. */
const SYSTEM_FOLDER = "/opt/mesg/"

/**
 * What the script that installed this agent does, with its own words: it lies beside the program.
 * @throws InstallerError NOT_INSTALLED
 */
export function runInstaller(action: "upgrade" | "uninstall", { values }: LocalCall): LocalResult {
  const script = join(dirname(process.execPath), "install.sh")
  if (!isSea() || !existsSync(script)) {
    throw new InstallerError({ code: "NOT_INSTALLED" }, "this mesg was not put here by install.sh", {
      remedy: `${action} it the way it came: by apt, as a container image, or from its sources`,
    })
  }
  const words = [
    action,
    ...(script.startsWith(SYSTEM_FOLDER) ? [] : ["--user"]),
    ...(typeof values["from"] === "string" ? ["--from", values["from"]] : []),
    ...(values["allowOlder"] === true ? ["--allow-older"] : []),
    ...(values["purge"] === true ? ["--purge"] : []),
    ...(values["dryRun"] === true ? ["--dry-run"] : []),
  ]
  const { status } = spawnSync("sh", [script, ...words], { stdio: "inherit" })
  return { exitCode: status ?? 1 }
}
