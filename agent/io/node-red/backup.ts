import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cp, lstat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"

/** Under which Node-RED encrypts the credentials of its nodes. */
const SECRET = "credential-secret"
/** Credentials of nodes: nothing without their secret, and Node-RED would not start flows over what it cannot read. */
const CREDENTIALS = ["flows_cred.json", ".flows_cred.json.backup"]
/** Made anew at each start, fetched by npm, or a way in for whoever has the file. */
const LEFT_OUT = ["node_modules", "settings.js", ".sessions.json", SECRET]

/**
 * Copies what of Node-RED's user folder makes its flows come back elsewhere: flows and their backups, the library, what
 * is registered with the agent, context. Only files and folders: a link may lead anywhere.
 * @param isSealed whether the secret of the credentials goes along, sealed; else they stay out as well
 * @returns whether all were there: Node-RED may replace one while it is copied
 */
export async function copyUserFolder(from: string, to: string, isSealed: boolean): Promise<boolean> {
  if (!existsSync(from)) return true
  const leftOut = isSealed ? LEFT_OUT : [...LEFT_OUT, ...CREDENTIALS]
  const filter = async (path: string) => {
    if (dirname(path) === from && leftOut.includes(basename(path))) return false
    const stats = await lstat(path)
    return stats.isFile() || stats.isDirectory()
  }
  try {
    await cp(from, to, { recursive: true, preserveTimestamps: true, filter })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false
    throw error
  }
}

/** @returns null where no Node-RED has run beside this agent */
export function credentialSecret(folder: string): string | null {
  const file = join(folder, SECRET)
  return existsSync(file) ? readFileSync(file, "utf8") : null
}

/** Makes the credentials of a restored user folder readable, or takes them away where their secret is not given. */
export function restoreCredentials(folder: string, secret: string | null): void {
  if (!existsSync(folder)) return
  if (secret === null) for (const name of CREDENTIALS) rmSync(join(folder, name), { force: true })
  else writeFileSync(join(folder, SECRET), secret, { mode: 0o600, flush: true })
}
