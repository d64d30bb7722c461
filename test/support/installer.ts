import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { text } from "node:stream/consumers"
import { ROOT } from "./sources.ts"
import { tempDir } from "./temp-dir.ts"

/** All that install.sh needs of a system; each is there in a Debian of the smallest variant but openssl. */
export const TOOLS: readonly string[] = (
  "awk basename cat chmod chown cmp cp cut df dirname du find flock getconf grep gzip head id ldconfig ln mkdir mktemp mv " +
  "openssl printf readlink rm sed sh sha256sum sleep sort sync tar timeout touch uname xz"
).split(" ")

/** Free in all likelihood, so that a broker on this machine stands in no test's way. */
export const PORTS = { MESG_MQTT_PORT: "18839", MESG_HTTP_PORT: "63749" }

/** Much of it is waiting for the disk to have what was written, behind whatever else is to be. */
const TIMEOUT_MS = 250_000

/** One run of a release's install.sh. */
export interface Attempt {
  readonly home: string
  /** For the whole machine, not for one user. */
  readonly system?: boolean
  /** Where the release is loaded from; else it is taken from its folder. */
  readonly mirror?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly commands?: Commands
}

/** What a command says instead of the machine's own, as a body of sh; null where there is none. */
type Commands = Readonly<Record<string, string | null>>

/** The machine's own {@link TOOLS} but for those that `commands` names. @returns a PATH that holds nothing else */
export function pathWith(commands: Commands = {}): string {
  const folder = tempDir("commands")
  for (const [name, body] of Object.entries(commands)) {
    if (body !== null) writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  const rest = tempDir("tools")
  for (const name of TOOLS) {
    if (!Object.hasOwn(commands, name)) symlinkSync(toolAt(name), join(rest, name))
  }
  return [folder, rest].join(delimiter)
}

/** @throws Error where this machine lacks it */
function toolAt(name: string): string {
  const found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
  if (found === undefined) throw new Error(`this machine has no ${name}`)
  return found
}

/** The words of an attempt for /bin/dash, and what surrounds it. */
export function attempted(release: string, { home, system = false, mirror, args = [], env, commands }: Attempt) {
  const source = mirror === undefined ? ["--from", release] : []
  const words = [join(release, "install.sh"), ...(system ? [] : ["--user"]), ...source, ...args]
  const surroundings = { HOME: home, PATH: pathWith(commands), ...(mirror && { MESG_MIRROR: mirror }), ...env }
  return { words, options: { env: surroundings, timeout: TIMEOUT_MS } }
}

/** Functions of the script as they stand there, for a shell of their own. @throws Error where one is not there */
export function functionsOf(names: readonly string[]): string[] {
  const script = readFileSync(join(ROOT, "install.sh"), "utf8")
  return names.map((name) => {
    const found = new RegExp(`^  ${name}\\(\\) \\{(?:.*\\}$|[^]*?^  \\}$)`, "m").exec(script)
    if (found === null) throw new Error(`install.sh has no ${name}`)
    return found[0]
  })
}

/** Runs it to its end. */
export async function install(release: string, attempt: Attempt) {
  const { words, options } = attempted(release, attempt)
  const child = spawn("/bin/dash", words, { ...options, stdio: ["ignore", "pipe", "pipe"] })
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ])
  return { status, stdout, stderr }
}

/** @returns the paths of all that lies there, in order */
export const filesBelow = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).sort()
