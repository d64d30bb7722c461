import { accessSync, constants, existsSync, realpathSync } from "node:fs"
import { readdir, realpath } from "node:fs/promises"
import { isAbsolute, join, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { SERVICE_FOLDER_ENTRIES_MAX, SERVICE_MEMORY_MB_DEFAULT } from "../../base/limits.ts"
import { nodeArguments } from "../../base/node-command.ts"
import type { ServiceSpec } from "../../ports/service-host.ts"
import { ServiceError } from "./service-error.ts"

/** The program that runs a confined service, and what it must be able to read. */
export interface ChildRuntime {
  readonly command: string
  /** The first code of the child: child/boot.mjs, or the bundle of it. */
  readonly entry: string
  readonly readable: readonly string[]
}

const AGENT_FOLDER = resolve(fileURLToPath(new URL("../../", import.meta.url)))

/** The Node that runs the agent, and the agent's own code. */
export const SOURCE_RUNTIME: ChildRuntime = {
  command: process.execPath,
  entry: fileURLToPath(new URL("./child/boot.mjs", import.meta.url)),
  readable: [AGENT_FOLDER],
}

const SETPRIV = "/usr/bin/setpriv"

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly memoryMb: number
}

/**
 * The command that runs a confined service. Secrets are in neither its arguments nor its environment: settings go over
 * the channel.
 * @throws ServiceError CONFINEMENT_UNSAFE where a link in the service's folder leads out of it
 */
export async function confinedCommand(spec: ServiceSpec, runtime: ChildRuntime): Promise<Command> {
  const { manifest } = spec
  const folder = await realpath(spec.folder)
  await refuseLinksOut(folder)
  const memoryMb = manifest.constraints?.memoryMb ?? SERVICE_MEMORY_MB_DEFAULT
  const files = (manifest.permissions?.files ?? []).map((text) => fileGrant(text, folder))
  const read = [folder, ...runtime.readable, ...files.map((file) => file.path)]
  const write = files.filter((file) => file.write).map((file) => file.path)
  const flags = [
    "--permission",
    ...read.map((path) => `--allow-fs-read=${path}`),
    ...write.map((path) => `--allow-fs-write=${path}`),
    ...((manifest.permissions?.commands ?? []).length > 0 ? ["--allow-child-process"] : []),
    ...(spec.grants.network === "any" ? ["--allow-net"] : []),
    // node:sqlite opens any file, past the permission model (measured on Node 26.10).
    "--no-experimental-sqlite",
    "--disable-warning=ExperimentalWarning",
    `--max-old-space-size=${memoryMb}`,
    "--max-semi-space-size=1",
    // V8's compilers take 3 MB of a child for what runs while it starts alone: they wait for code that stays hot.
    "--invocation-count-for-maglev=10000",
    "--invocation-count-for-turbofan=10000",
  ]
  const node = nodeArguments(flags, runtime.entry)
  const env: Record<string, string> = {}
  for (const name of manifest.permissions?.env ?? []) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  if (!hasSetpriv()) return { file: runtime.command, args: node, env, memoryMb }
  // A child in an endless loop notices no closed channel: the kernel ends it with the agent. It also never gains rights.
  const guard = ["--pdeathsig", "KILL", "--no-new-privs", "--", runtime.command]
  return { file: SETPRIV, args: [...guard, ...node], env, memoryMb }
}

let setpriv: boolean | undefined
function hasSetpriv(): boolean {
  if (setpriv === undefined) {
    try {
      accessSync(SETPRIV, constants.X_OK)
      setpriv = true
    } catch {
      setpriv = false
    }
  }
  return setpriv
}

/** `path` may be read, `path:rw` written too; relative paths start at the service's folder. */
function fileGrant(text: string, folder: string): { path: string; write: boolean } {
  const write = text.endsWith(":rw")
  const path = write ? text.slice(0, -3) : text
  const whole = isAbsolute(path) ? path : join(folder, path)
  // The permission model compares real paths.
  return { path: existsSync(whole) ? realpathSync(whole) : whole, write }
}

/**
 * Node's permission model follows links out of a granted folder, and a copy that follows them would bring in files of the
 * agent's user: so there must be none.
 * @throws ServiceError CONFINEMENT_UNSAFE
 */
export async function refuseLinksOut(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  if (entries.length > SERVICE_FOLDER_ENTRIES_MAX) {
    throw unsafe(folder, `${folder} holds more than ${SERVICE_FOLDER_ENTRIES_MAX} files`)
  }
  for (const entry of entries) {
    if (!entry.isSymbolicLink()) continue
    const link = join(entry.parentPath, entry.name)
    const target = await realpath(link).catch(() => null)
    if (target === null || !(target + sep).startsWith(folder + sep)) {
      throw unsafe(link, `${link} leads out of the service's folder${target === null ? "" : ` to ${target}`}`)
    }
  }
}

function unsafe(path: string, message: string): ServiceError {
  return new ServiceError({ code: "CONFINEMENT_UNSAFE", path }, message, {
    remedy: "put the file itself into the folder, or declare its path under permissions.files",
  })
}
