import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import WebSocket from "ws"
import { buildNodeRedPackage } from "../../packaging/nodered.mjs"
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
  admin<Answer = unknown>(method: string, path: string, body?: unknown): Promise<Answer>
  /** Replaces all flows. Resolves when they run. */
  deploy(flows: readonly FlowNode[]): Promise<void>
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
  const started = new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
      if (url !== undefined && /Started flows|Waiting for missing types/.test(output)) resolve(url)
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    child.once("exit", (code) => reject(new Error(`Node-RED ended with ${code}:\n${output}`)))
  })
  const url = await started
  const notices = await listen(url)
  const admin: NodeRed["admin"] = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { accept: "application/json", "content-type": "application/json", "node-red-api-version": "v2" },
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
    async deploy(flows) {
      const { rev } = await admin<{ rev: string }>("POST", "/flows", { flows })
      const isThis = ({ topic, data }: Notice) =>
        topic === "notification/runtime-deploy" && (data as { revision?: string }).revision === rev
      await notices.first(isThis, "the deploy")
    },
    notice: notices.first,
    notices: notices.all,
    forget: notices.forget,
    async kill(signal = "SIGKILL") {
      notices.close()
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, "exit")
      child.kill(signal)
      await exited
    },
  }
}

/** Listens as an open editor does. */
async function listen(url: string) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/comms`)
  let notices: Notice[] = []
  const waiting = new Set<() => void>()
  socket.on("message", (data: Buffer) => {
    const message: unknown = JSON.parse(data.toString())
    notices.push(...((Array.isArray(message) ? message : [message]) as Notice[]))
    for (const look of [...waiting]) look()
  })
  await once(socket, "open")
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
        reject(new Error(`${what} did not come within ${timeoutMs} ms, but ${JSON.stringify(notices)}`))
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
