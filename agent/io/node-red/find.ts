import { existsSync, readFileSync, realpathSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { NodeRedError } from "./error.ts"

/** Where a Node-RED may be installed. */
export interface NodeRedPlaces {
  /** As configured: its folder, or one whose node_modules has it. */
  readonly path: string | undefined
  /** Of its flows: one that is installed there goes before others. */
  readonly userDir: string
  /** The agent's own folder; node_modules are looked for in it and in those above it. */
  readonly agent: string
  /** The PATH of the environment. */
  readonly search: string
  /** node_modules of what is installed for all users. */
  readonly global: readonly string[]
}

/** What of an installed Node-RED is run. */
export interface InstalledNodeRed {
  readonly folder: string
  readonly script: string
  readonly version: string
}

const SCRIPT = "red.js"
const OLDEST = [4, 1] as const
const INSTALL = "npm install -g node-red@5.0.7"

/** Where npm installs for all users, beside this Node and where Debian has it. */
export function globalModules(node: string): string[] {
  return [join(dirname(dirname(node)), "lib/node_modules"), "/usr/local/lib/node_modules", "/usr/lib/node_modules"]
}

/**
 * The Node-RED to run: the configured one, else the first that is found.
 * @throws NodeRedError NODE_RED_NOT_FOUND, NODE_RED_TOO_OLD
 */
export function findNodeRed(places: NodeRedPlaces): InstalledNodeRed {
  const { path } = places
  const folders = path === undefined ? candidates(places) : [path, join(path, "node_modules/node-red")]
  for (const folder of folders) {
    const version = versionIn(folder)
    if (version === null) continue
    if (isTooOld(version)) {
      throw new NodeRedError(
        { code: "NODE_RED_TOO_OLD", path: folder, version },
        `the Node-RED in ${folder} is ${version}; ${OLDEST.join(".")} is the oldest that works`,
        { remedy: `install a newer one: ${INSTALL}, or name another one by nodeRed.path` },
      )
    }
    return { folder, script: join(folder, SCRIPT), version }
  }
  throw new NodeRedError(
    { code: "NODE_RED_NOT_FOUND", path: path ?? null },
    path === undefined ? "no Node-RED is installed here" : `there is no Node-RED in ${path}`,
    { remedy: `install it: ${INSTALL}, or say where it is: mesg start --node-red PATH` },
  )
}

function* candidates({ userDir, agent, search, global }: NodeRedPlaces): Generator<string> {
  yield join(userDir, "node_modules/node-red")
  for (let folder = agent; ; folder = dirname(folder)) {
    yield join(folder, "node_modules/node-red")
    if (folder === dirname(folder)) break
  }
  for (const folder of search.split(delimiter)) {
    const program = join(folder, "node-red")
    if (folder !== "" && existsSync(program)) yield dirname(realpathSync(program))
  }
  for (const modules of global) yield join(modules, "node-red")
}

/** @returns null where none is in this folder */
function versionIn(folder: string): string | null {
  const file = join(folder, "package.json")
  if (!existsSync(file) || !existsSync(join(folder, SCRIPT))) return null
  const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown; version?: unknown }
  return name === "node-red" && typeof version === "string" ? version : null
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}
