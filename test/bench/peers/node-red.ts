import { type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Bench } from "../bench.ts"
import { endProcess, startPeer } from "../program.ts"
import { installed } from "./install.ts"

const STARTED = "Started flows"
const PACKAGES = ["node-red@5.0.7"]

/** A flow of Node-RED: its nodes as in flows.json. */
export type Flow = readonly Readonly<Record<string, unknown>>[]

/** @param name of its user folder in that of the bench, which may hold nodes already
 * @returns a running Node-RED with the flow, or null where it cannot be installed */
export async function nodeRed(
  bench: Bench,
  name: string,
  flow: Flow,
  env: Readonly<Record<string, string>> = {},
): Promise<{ process: ChildProcess; port: number; readyMs: number } | null> {
  const folder = nodeRedFolder(bench)
  if (folder === null) return null
  const home = join(bench.folder, name)
  mkdirSync(home, { recursive: true })
  writeFileSync(
    join(home, "flows.json"),
    JSON.stringify([{ id: "tab", type: "tab", label: "bench" }, ...flow.map(placed)]),
  )
  const settings = {
    flowFile: "flows.json",
    uiHost: "127.0.0.1",
    uiPort: 0,
    httpAdminRoot: false,
    functionExternalModules: true,
    logging: { console: { level: "info", metrics: false, audit: false } },
  }
  writeFileSync(join(home, "settings.js"), `module.exports = ${JSON.stringify(settings)}\n`)
  const script = join(folder, "node_modules/node-red/red.js")
  const began = performance.now()
  const peer = startPeer(process.execPath, [script, "-u", home, "-s", join(home, "settings.js")], env)
  bench.after(() => endProcess(peer, "SIGKILL"))
  let port = 0
  const lines = createInterface({ input: peer.stdout })
  const started = new Promise<void>((resolve) => {
    lines.on("line", (line) => {
      port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? port)
      if (line.includes(STARTED)) resolve()
    })
  })
  peer.stderr.resume()
  await Promise.race([started, once(peer, "exit").then(() => Promise.reject(new Error("Node-RED ended")))])
  return { process: peer, port, readyMs: performance.now() - began }
}

/** @returns the folder that it is installed in, or null where it cannot be */
export function nodeRedFolder(bench: Bench): string | null {
  return installed(bench, "node-red", PACKAGES)
}

/** Node-RED takes a node that has no place on the tab for a configuration. */
function placed(node: Flow[number]): Flow[number] {
  return "z" in node ? { ...node, x: 100, y: 100 } : node
}

/** A function node. */
export function functionNode(id: string, body: string, ...wires: readonly string[]) {
  return { id, type: "function", z: "tab", name: id, func: body, outputs: 1, wires: [wires] }
}
