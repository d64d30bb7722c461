import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import WebSocket from "ws"
import { buildNodeRedPackage } from "../../packaging/nodered.mjs"
import { inTime } from "./in-time.ts"
import { npmCache } from "./npm-cache.ts"
import { tempDir } from "./temp-dir.ts"

/** The versions that are tested against, and the folders of the cache that hold them. */
export const NODE_RED_VERSIONS = { "5.0.7": "node-red", "4.1.15": "node-red-4" } as const
export type NodeRedVersion = keyof typeof NODE_RED_VERSIONS

/** A node as in flows.json. */
export type FlowNode = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string }

export interface NodeRedOptions {
  readonly version?: NodeRedVersion
  /** The Node that runs it; that of the tests by default. */
  readonly node?: string
  /** Its user folder with the package in it; a new one by default. */
  readonly userDir?: string
  readonly env?: Readonly<Record<string, string>>
  readonly settings?: Readonly<Record<string, unknown>>
  /** What it finds in its flow file; what is there by default. */
  readonly flows?: readonly FlowNode[]
  /** Until its flows run. */
  readonly startTimeoutMs?: number
}

/** What a Node-RED tells its open editors. */
export interface Notice {
  readonly topic: string
  readonly data: unknown
}

/** A real Node-RED in a process of its own, with our package installed. */
export interface NodeRed {
  readonly url: string
  readonly userDir: string
  readonly process: ChildProcess
  output(): string
  /** Its admin API. @throws where it refuses */
  admin<Answer = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  /** Replaces all flows. Resolves when they run. @param what starts anew: all, or only the flows or nodes that differ */
  deploy(flows: readonly FlowNode[], what?: "full" | "flows" | "nodes"): Promise<void>
  /** The first notice, of those so far and those to come, that is this. @throws after the time with those that came */
  notice(is: (notice: Notice) => boolean, what: string, timeoutMs?: number): Promise<Notice>
  /** Those so far. */
  notices(): readonly Notice[]
  /** Forgets the notices so far. */
  forget(): void
  kill(signal?: "SIGKILL" | "SIGTERM"): Promise<void>
}

/** A notice that does not come at all: the machine may be busy with other things. */
const NOTICE_TIMEOUT_MS = 60_000
const START_TIMEOUT_MS = 120_000
const LISTEN_TIMEOUT_MS = 30_000
const ADMIN_TIMEOUT_MS = 60_000
const KILL_TIMEOUT_MS = 60_000
const LOG_TAIL_CHARS = 4000

let built: Promise<string> | null = null

/** The package as it is published, built once. */
export function nodeRedPackage(): Promise<string> {
  built ??= (async () => {
    const folder = tempDir("nodered-package")
    await buildNodeRedPackage(folder)
    return folder
  })()
  return built
}

/** A user folder in which the package is installed, as npm does it. */
export async function userDirWithPackage(): Promise<string> {
  const userDir = tempDir("nodered")
  cpSync(await nodeRedPackage(), join(userDir, "node_modules/@mesg/node-red"), { recursive: true })
  const dependencies = { "@mesg/node-red": "0.1.0" }
  writeFileSync(join(userDir, "package.json"), JSON.stringify({ name: "user", version: "0.0.1", dependencies }))
  return userDir
}

/** The same by `npm pack` and `npm install`, as a user would. */
export async function packedUserDir(): Promise<string> {
  const userDir = tempDir("nodered")
  const options = { cwd: await nodeRedPackage(), encoding: "utf8" } as const
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", userDir], options)) as {
    filename: string
  }[]
  writeFileSync(join(userDir, "package.json"), JSON.stringify({ name: "user", version: "0.0.1" }))
  const install = [
    "install",
    "--offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    join(userDir, packed!.filename),
  ]
  execFileSync("npm", install, { cwd: userDir, stdio: ["ignore", "ignore", "pipe"] })
  return userDir
}

export async function startNodeRed(options: NodeRedOptions = {}): Promise<NodeRed> {
  const version = options.version ?? "5.0.7"
  const folder = npmCache(NODE_RED_VERSIONS[version], [`node-red@${version}`])
  const userDir = options.userDir ?? (await userDirWithPackage())
  mkdirSync(userDir, { recursive: true })
  const settings = {
    flowFile: "flows.json",
    uiHost: "127.0.0.1",
    uiPort: 0,
    credentialSecret: "test",
    telemetry: { enabled: false, updateNotification: false },
    editorTheme: { tours: false, projects: { enabled: false } },
    logging: { console: { level: "info", metrics: false, audit: false } },
    ...options.settings,
  }
  if (options.flows !== undefined) writeFileSync(join(userDir, "flows.json"), JSON.stringify(options.flows))
  const settingsFile = join(userDir, "settings.cjs")
  writeFileSync(settingsFile, `module.exports = ${JSON.stringify(settings)}\n`)
  const script = join(folder, "node_modules/node-red/red.js")
  const child = spawn(options.node ?? process.execPath, [script, "-u", userDir, "-s", settingsFile], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  })
  let output = ""
  const hear = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on("data", hear)
  child.stderr.on("data", hear)
  const log = () => `; the end of its log:\n${output.slice(-LOG_TAIL_CHARS)}`
  let url: string
  let notices: Awaited<ReturnType<typeof listen>>
  try {
    url = await inTime(
      runs(child, () => output),
      options.startTimeoutMs ?? START_TIMEOUT_MS,
      "the flows of Node-RED",
    )
    notices = await listen(url, log)
  } catch (error) {
    await killAtOnce(child)
    throw new Error(`${error instanceof Error ? error.message : String(error)}${log()}`, { cause: error })
  }
  const admin: NodeRed["admin"] = async (method, path, body, more = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "node-red-api-version": "v2",
        ...more,
      },
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === "" ? null : JSON.parse(text)) as never
  }
  return {
    url,
    userDir,
    process: child,
    output: () => output,
    admin,
    async deploy(flows, what = "full") {
      const { rev } = await admin<{ rev: string }>("POST", "/flows", { flows }, { "node-red-deployment-type": what })
      const isThis = ({ topic, data }: Notice) =>
        topic === "notification/runtime-deploy" && (data as { revision?: string }).revision === rev
      await notices.first(isThis, "the deploy")
    },
    notice: notices.first,
    notices: notices.all,
    forget: notices.forget,
    async kill(signal = "SIGKILL") {
      notices.close()
      if (hasEnded(child)) return
      const exited = once(child, "exit")
      child.kill(signal)
      try {
        await inTime(exited, KILL_TIMEOUT_MS, `the end of Node-RED after ${signal}`)
      } catch (error) {
        await killAtOnce(child)
        throw new Error(`${error instanceof Error ? error.message : String(error)}${log()}`, { cause: error })
      }
    },
  }
}

/** Resolves with its address when its flows run. @throws where it ends before */
function runs(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const look = () => {
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0]
      if (url !== undefined && /Started flows|Waiting for missing types/.test(output())) resolve(url)
    }
    child.stdout!.on("data", look)
    child.stderr!.on("data", look)
    child.once("error", reject)
    child.once("exit", (code, signal) => reject(new Error(`Node-RED ended with ${code ?? signal}`)))
  })
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

async function killAtOnce(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

/** Listens as an open editor does. @param log what is said of a notice that does not come */
async function listen(url: string, log: () => string) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/comms`)
  let notices: Notice[] = []
  const waiting = new Set<() => void>()
  socket.on("message", (data: Buffer) => {
    const message: unknown = JSON.parse(data.toString())
    notices.push(...((Array.isArray(message) ? message : [message]) as Notice[]))
    for (const look of [...waiting]) look()
  })
  try {
    await inTime(once(socket, "open"), LISTEN_TIMEOUT_MS, "the connection of an editor to Node-RED")
  } catch (error) {
    socket.on("error", () => {})
    socket.terminate()
    throw error
  }
  for (const topic of ["debug", "status/#", "mesg/#", "notification/#"])
    socket.send(JSON.stringify({ subscribe: topic }))
  const first: NodeRed["notice"] = (is, what, timeoutMs = NOTICE_TIMEOUT_MS) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = notices.find(is)
        if (found === undefined) return
        waiting.delete(look)
        clearTimeout(timer)
        resolve(found)
      }
      const timer = setTimeout(() => {
        waiting.delete(look)
        reject(new Error(`${what} did not come within ${timeoutMs} ms, but ${JSON.stringify(notices)}${log()}`))
      }, timeoutMs)
      waiting.add(look)
      look()
    })
  return {
    first,
    all: () => notices,
    forget: () => {
      notices = []
    },
    close: () => socket.terminate(),
  }
}
