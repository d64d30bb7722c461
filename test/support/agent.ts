import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

export const MAIN = fileURLToPath(new URL("../../agent/main.ts", import.meta.url))

export interface TestAgentOptions {
  /** What is run: the sources by default. */
  readonly program?: string
  /** What runs it, words of a command: this Node by default; of the single binary the file itself, with no program. */
  readonly command?: readonly string[]
  /** A home to go on with; a fresh one in the temporary folder by default. */
  readonly home?: string
  readonly sets?: readonly string[]
  /** `--safe`. */
  readonly safe?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Node's own flags. */
  readonly nodeFlags?: readonly string[]
  readonly readyTimeoutMs?: number
}

/** A real agent in a process of its own, on free ports. */
export interface TestAgent {
  readonly home: string
  readonly process: ChildProcess
  readonly http: string
  readonly mqtt: { readonly host: string; readonly port: number; readonly url: string }
  readonly token: string
  /** ms from spawn until it said that it is ready. */
  readonly readyMs: number
  /** Everything it has written so far. */
  output(): string
  /** `mesg …` against this agent. */
  cli(...words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>
  /** `mesg … --json`, parsed; fails where the command does. */
  json<Answer = unknown>(...words: readonly string[]): Promise<Answer>
  api(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** In order (SIGTERM). @returns the exit code */
  stop(): Promise<number | null>
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
  /** Removes the home; after stop or kill. */
  clean(): void
}

/** Runs an agent for as long as `use` takes; it ends in order, also where `use` fails. */
export async function onAgent<Value>(
  options: TestAgentOptions,
  use: (agent: TestAgent) => Promise<Value>,
): Promise<Value> {
  const agent = await startAgent(options)
  try {
    return await use(agent)
  } finally {
    await agent.stop()
  }
}
/** `mesg event emit`. @returns whether the agent had had it before, which only an `id` can tell */
export async function emitted(
  agent: TestAgent,
  service: string,
  event: string,
  data: object = {},
  id?: string,
): Promise<{ readonly duplicate: boolean }> {
  const named = id === undefined ? [] : ["--id", id]
  return agent.json("event", "emit", service, event, "--data", JSON.stringify(data), ...named)
}

/** Starts an agent and waits until it is ready. @throws with its output where it ends before */
export async function startAgent(options: TestAgentOptions = {}): Promise<TestAgent> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "mesg-agent-"))
  const runFile = join(home, "run", "agent.json")
  rmSync(runFile, { force: true })
  const began = performance.now()
  const sets = ["mqtt.port=0", "http.port=0", ...(options.sets ?? [])].flatMap((set) => ["--set", set])
  const { command = [process.execPath, options.program ?? MAIN] } = options
  const [file, ...words] = command.toSpliced(1, 0, ...(options.nodeFlags ?? [])) as [string, ...string[]]
  const safe = options.safe === true ? ["--safe"] : []
  const child = spawn(file, [...words, "start", "--home", home, ...safe, ...sets], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  })
  let output = ""
  child.stdout.on("data", (chunk) => (output += chunk))
  child.stderr.on("data", (chunk) => (output += chunk))
  await ready(child, home, runFile, options.readyTimeoutMs ?? 30_000, () => output)
  const readyMs = performance.now() - began
  const agent = JSON.parse(readFileSync(runFile, "utf8")) as { mqtt: string; http: string }
  const token = readFileSync(join(home, "run", "token"), "utf8").trim()
  const { hostname, port } = new URL(agent.mqtt)
  const cli: TestAgent["cli"] = (...words) => runMesg(home, words, command)
  return {
    home,
    process: child,
    http: agent.http,
    mqtt: { host: hostname, port: Number(port), url: agent.mqtt },
    token,
    readyMs,
    output: () => output,
    cli,
    async json(...words) {
      const { code, stdout, stderr } = await cli(...words, "--json")
      if (code !== 0) throw new Error(`mesg ${words.join(" ")} ended with ${code}: ${stdout}${stderr}`)
      return JSON.parse(stdout) as never
    },
    api: (method, path, body, headers = {}) =>
      fetch(`${agent.http}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    stop: () => end(child, "SIGTERM"),
    async kill() {
      await end(child, "SIGKILL")
    },
    clean: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** `mesg …` with this home. */
export async function runMesg(
  home: string,
  words: readonly string[],
  command: readonly string[] = [process.execPath, MAIN],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [file, ...before] = command as [string, ...string[]]
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...before, ...words, "--home", home], {
      maxBuffer: 64 * 1048576,
    })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
    if (typeof code !== "number") throw error
    return { code, stdout, stderr }
  }
}

async function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, "exit")
  child.kill(signal)
  const [code] = (await exited) as [number | null]
  return code
}

/** The agent writes `run/agent.json` when it is ready. */
async function ready(
  child: ChildProcess,
  home: string,
  file: string,
  timeoutMs: number,
  output: () => string,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const look = () => {
    if (existsSync(file)) resolve()
  }
  const watchers = [watch(home, () => watchRun())]
  const watchRun = () => {
    if (watchers.length === 1 && existsSync(join(home, "run"))) watchers.push(watch(join(home, "run"), look))
    look()
  }
  watchRun()
  const timer = setTimeout(
    () => reject(new Error(`the agent was not ready within ${timeoutMs} ms:\n${output()}`)),
    timeoutMs,
  )
  const onExit = (code: number | null) =>
    reject(new Error(`the agent ended with ${code} before it was ready:\n${output()}`))
  child.once("exit", onExit)
  try {
    await promise
  } catch (error) {
    child.kill("SIGKILL")
    throw error
  } finally {
    clearTimeout(timer)
    child.off("exit", onExit)
    for (const watcher of watchers) watcher.close()
  }
}
