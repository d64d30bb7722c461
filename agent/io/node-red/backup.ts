import { createDecipheriv, createHash } from "node:crypto"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cp, lstat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as v from "valibot"
import { parseJson } from "../../schema/json.ts"

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

const SealedSchema = v.object({ $: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}/)) })
const CredentialsSchema = v.record(v.string(), v.unknown())
const FlowsSchema = v.array(v.object({ id: v.string(), type: v.string(), name: v.optional(v.string()) }))

/**
 * The nodes that have credentials, as `type "name"` or `type id`, so that a restore without their secret can name them.
 * Node-RED writes AES-256-CTR under the SHA-256 of the secret: 32 hex digits of IV, then base64.
 * @returns none where there are no credentials, or they cannot be read
 */
export function nodesWithCredentials(folder: string): string[] {
  const secret = credentialSecret(folder)
  const sealed = readAs(SealedSchema, join(folder, "flows_cred.json"))
  if (secret === null || sealed === null) return []
  const key = createHash("sha256").update(secret).digest()
  const decipher = createDecipheriv("aes-256-ctr", key, Buffer.from(sealed.$.slice(0, 32), "hex"))
  const plain = decipher.update(sealed.$.slice(32), "base64", "utf8") + decipher.final("utf8")
  const ids = Object.keys(parsedAs(CredentialsSchema, plain) ?? {})
  const flows = readAs(FlowsSchema, join(folder, "flows.json")) ?? []
  return flows
    .filter(({ id }) => ids.includes(id))
    .map(({ id, type, name = "" }) => (name === "" ? `${type} ${id}` : `${type} "${name}"`))
    .sort()
}

function readAs<Value>(schema: v.GenericSchema<unknown, Value>, file: string): Value | null {
  return existsSync(file) ? parsedAs(schema, readFileSync(file, "utf8")) : null
}

function parsedAs<Value>(schema: v.GenericSchema<unknown, Value>, text: string): Value | null {
  const json = parseJson(text)
  const parsed = json.ok ? v.safeParse(schema, json.value) : null
  return parsed?.success ? parsed.output : null
}

/** Makes the credentials of a restored user folder readable, or takes them away where their secret is not given. */
export function restoreCredentials(folder: string, secret: string | null): void {
  if (!existsSync(folder)) return
  if (secret === null) for (const name of CREDENTIALS) rmSync(join(folder, name), { force: true })
  else writeFileSync(join(folder, SECRET), secret, { mode: 0o600, flush: true })
}
