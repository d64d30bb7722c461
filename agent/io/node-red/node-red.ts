import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { messageOf } from "../../base/errors.ts"
import {
  NODE_RED_RESTART_MS_MAX,
  NODE_RED_RESTART_MS_MIN,
  NODE_RED_STEADY_MS,
  NODE_RED_STOP_MS,
} from "../../base/limits.ts"
import { nodeArguments } from "../../base/node-command.ts"
import { pause } from "../../base/pause.ts"
import type { Log } from "../../ports/log.ts"
import type { Config } from "../../schema/config.ts"
import { findNodeRed, globalModules, type InstalledNodeRed } from "./find.ts"
import { logLines } from "./log-lines.ts"
import { prepareUserFolder } from "./user-folder.ts"

export interface NodeRedOptions {
  readonly home: string
  readonly config: Config["nodeRed"]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
}

const AGENT = fileURLToPath(new URL("../../", import.meta.url))
const NODES = fileURLToPath(new URL("../../../nodered-nodes/dist/", import.meta.url))

/**
 * A Node-RED beside the agent: a child that is started again with backoff when it ends, and stopped with the agent. Its
 * flows are in `node-red/` of the home; `run/node-red.json` says where its editor is. When the agent dies it hears that
 * by its channel, and stops by itself.
 */
export class NodeRed {
  readonly #installed: InstalledNodeRed
  readonly #settings: string
  readonly #userDir: string
  readonly #runFile: string
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #log: Log
  readonly #life = new AbortController()
  #child: ChildProcess | null = null
  #ended: Promise<void> = Promise.resolve()

  /** @throws NodeRedError NODE_RED_NOT_FOUND, NODE_RED_TOO_OLD, NODE_RED_NODES_MISSING */
  constructor({ home, config, env, log }: NodeRedOptions) {
    this.#userDir = join(home, "node-red")
    this.#runFile = join(home, "run/node-red.json")
    this.#installed = findNodeRed({
      path: config.path,
      userDir: this.#userDir,
      agent: AGENT,
      search: env["PATH"] ?? "",
      global: globalModules(process.execPath),
    })
    const { listen, port } = config
    this.#settings = prepareUserFolder(this.#userDir, { nodes: NODES, listen, port })
    this.#env = environment(env, home)
    this.#log = log
    rmSync(this.#runFile, { force: true })
  }

  start(): void {
    this.#ended = this.#run()
  }

  /** In order; killed where that takes too long. */
  async stop(): Promise<void> {
    this.#life.abort()
    const child = this.#child
    if (child !== null) {
      child.kill("SIGTERM")
      const late = setTimeout(() => {
        this.#log.warn("Node-RED does not stop and is killed")
        child.kill("SIGKILL")
      }, NODE_RED_STOP_MS)
      await this.#ended
      clearTimeout(late)
    }
    await this.#ended
  }

  async #run(): Promise<void> {
    const { signal } = this.#life
    for (let delayMs = NODE_RED_RESTART_MS_MIN; !signal.aborted; ) {
      const began = performance.now()
      const how = await this.#once()
      rmSync(this.#runFile, { force: true })
      if (signal.aborted) return
      if (performance.now() - began > NODE_RED_STEADY_MS) delayMs = NODE_RED_RESTART_MS_MIN
      this.#log.warn("Node-RED has ended and is started again", { how, delayMs })
      await pause(delayMs, signal)
      delayMs = Math.min(delayMs * 2, NODE_RED_RESTART_MS_MAX)
    }
  }

  /** One life of it. @returns how it ended */
  async #once(): Promise<string> {
    const { script, version } = this.#installed
    const child = spawn(process.execPath, [...nodeArguments([], script), "-u", this.#userDir, "-s", this.#settings], {
      cwd: this.#userDir,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // A Ctrl-C at the terminal is the agent's to handle.
      detached: true,
    })
    this.#child = child
    logLines(child.stdout!, this.#log)
    logLines(child.stderr!, this.#log)
    child.on("message", (message) => {
      // Any node that is installed there can send something.
      const url = typeof message === "object" && message !== null && "url" in message ? message.url : undefined
      if (typeof url !== "string") return
      try {
        writeFileSync(this.#runFile, `${JSON.stringify({ pid: child.pid, url, version })}\n`)
        this.#log.info("Node-RED is ready", { url, version })
      } catch (error) {
        this.#log.error("where Node-RED is could not be written", { file: this.#runFile, error: messageOf(error) })
      }
    })
    try {
      const [code, signal] = (await once(child, "exit")) as [number | null, string | null]
      return signal ?? `code ${code}`
    } catch (error) {
      return messageOf(error)
    } finally {
      this.#child = null
      if (child.pid !== undefined) endGroup(child.pid)
    }
  }
}

/** What its flows had started ends with it. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL")
  } catch (error) {
    // ESRCH: nothing was left.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

/** As the agent's own, without its settings, of which some are secrets; and with where the agent is found. */
function environment(env: NodeRedOptions["env"], home: string): Record<string, string | undefined> {
  const others = Object.entries(env).filter(([name]) => !name.startsWith("MESG_"))
  return { ...Object.fromEntries(others), MESG_HOME: home }
}
