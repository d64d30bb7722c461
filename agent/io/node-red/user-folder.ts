import { existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { NodeRedError } from "./error.ts"
import { makeFolder } from "../folder.ts"

export interface UserFolderOptions {
  /** Our nodes, as they are published. */
  readonly nodes: string
  readonly listen: string
  readonly port: number
}

const PACKAGE = "@mesg/node-red"
/** The name under which `run/token` is logged in with. */
const OWNER = "owner"

/**
 * Node-RED's user folder in the home: our nodes installed as npm links a folder, and settings that are written anew at
 * each start. What else is in it is Node-RED's and its users'.
 * @returns the file of its settings
 * @throws NodeRedError NODE_RED_NODES_MISSING
 */
export function prepareUserFolder(folder: string, { nodes, listen, port }: UserFolderOptions): string {
  if (!existsSync(join(nodes, "host.js"))) {
    throw new NodeRedError({ code: "NODE_RED_NODES_MISSING", path: nodes }, `our nodes are not in ${nodes}`, {
      remedy: "in a clone they are built by: node packaging/nodered.mjs",
    })
  }
  makeFolder(folder)
  linkNodes(folder, nodes)
  endOwnersSessions(folder)
  const settings = join(folder, "settings.js")
  const options = JSON.stringify({ userDir: folder, listen, port })
  const lines = [
    "// Written by the agent at each start; what is changed here is lost. See nodeRed in its config.yml.",
    `module.exports = require(${JSON.stringify(`${PACKAGE}/host.js`)}).settings(${options})`,
  ]
  replace(settings, `${lines.join("\n")}\n`)
  return settings
}

function linkNodes(folder: string, nodes: string): void {
  const link = join(folder, "node_modules", PACKAGE)
  makeFolder(dirname(link))
  // Also where it was copied there by hand.
  rmSync(link, { recursive: true, force: true })
  symlinkSync(nodes, link)
  const file = join(folder, "package.json")
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {}
  const dependencies = { ...(known["dependencies"] as object | undefined), [PACKAGE]: `file:${nodes}` }
  const fresh = { name: "mesg-node-red", description: "Node-RED of a MESG Edge agent", version: "0.0.1", private: true }
  replace(file, `${JSON.stringify({ ...fresh, ...known, dependencies }, null, 2)}\n`)
}

/** `run/token` is valid until the agent stops, and so is who logged in with it. */
function endOwnersSessions(folder: string): void {
  const file = join(folder, ".sessions.json")
  if (!existsSync(file)) return
  try {
    const sessions = JSON.parse(readFileSync(file, "utf8")) as Record<string, { readonly user?: unknown }>
    const others = Object.entries(sessions).filter(([, { user }]) => user !== OWNER)
    replace(file, JSON.stringify(Object.fromEntries(others)))
  } catch {
    // A file that nobody can read lets nobody in: all log in again.
    rmSync(file)
  }
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.partial`, text, { mode: 0o600 })
  renameSync(`${file}.partial`, file)
}
