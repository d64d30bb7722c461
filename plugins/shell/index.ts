import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { defineService, TaskError } from "../../agent/sdk.ts"

interface Command {
  readonly run: string
  readonly args?: readonly string[]
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly outputBytes?: number
  readonly dashes?: boolean
}
interface Config {
  readonly commands: Readonly<Record<string, Command>>
}
interface Run {
  readonly command: string
  readonly values?: Readonly<Record<string, string>>
  readonly input?: string
}

const TIMEOUT_MS = 30_000
const OUTPUT_BYTES = 32_768
/** Nothing of the agent's environment is handed on. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" }

/** @returns the arguments, or why there are none */
function argumentsOf(
  command: Command,
  values: Readonly<Record<string, string>>,
): readonly string[] | { reason: string } {
  const args: string[] = []
  const used = new Set<string>()
  for (const arg of command.args ?? []) {
    const name = /^\{([A-Za-z][A-Za-z0-9_-]*)\}$/.exec(arg)?.[1]
    if (name === undefined) {
      args.push(arg)
      continue
    }
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) return { reason: `the command needs a value \`${name}\`` }
    if (value.includes("\0")) return { reason: `\`${name}\` holds a zero byte` }
    if (value.startsWith("-") && command.dashes !== true) return { reason: `\`${name}\` begins with a dash` }
    used.add(name)
    args.push(value)
  }
  const extra = Object.keys(values).find((name) => !used.has(name))
  return extra === undefined ? args : { reason: `the command takes no value \`${extra}\`` }
}

/** Keeps the first bytes of a stream. */
class Kept {
  readonly #parts: Buffer[] = []
  readonly #max: number
  #length = 0
  #all = 0

  constructor(max: number) {
    this.#max = max
  }

  add(part: Buffer): void {
    this.#all += part.length
    if (this.#length < this.#max) this.#parts.push(part.subarray(0, this.#max - this.#length))
    this.#length = Math.min(this.#all, this.#max)
  }

  get truncated(): boolean {
    return this.#all > this.#max
  }

  toString(): string {
    return Buffer.concat(this.#parts).toString("utf8")
  }
}

const refused = (reason: string) => ({ status: "refused", data: { reason } })

function runToEnd(command: Command, args: readonly string[], input: string | undefined, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: string; data: Record<string, unknown> }>()
  const { outputBytes = OUTPUT_BYTES, timeoutMs = TIMEOUT_MS } = command
  const child = spawn(command.run, [...args], {
    shell: false,
    env: { ...ENVIRONMENT, ...command.env },
    ...(command.folder === undefined ? {} : { cwd: command.folder }),
    stdio: ["pipe", "pipe", "pipe"],
    // A process group: what the command starts ends with it.
    detached: true,
  })
  const stdout = new Kept(outputBytes)
  const stderr = new Kept(outputBytes)
  child.stdout.on("data", (part: Buffer) => stdout.add(part))
  child.stderr.on("data", (part: Buffer) => stderr.add(part))
  // A command that reads no input closes it: EPIPE is no failure of the task.
  child.stdin.on("error", () => child.stdin.destroy())
  child.stdin.end(input)
  let timedOut = false
  const end = () => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, "SIGKILL")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }
  const timer = setTimeout(() => {
    timedOut = true
    end()
  }, timeoutMs)
  signal.addEventListener("abort", end, { once: true })
  if (signal.aborted) end()
  const done = () => {
    clearTimeout(timer)
    signal.removeEventListener("abort", end)
  }
  child.once("error", (error) => {
    done()
    // It did not start: nothing happened. Of a folder that is missing the system says it of the program.
    const { folder } = command
    const isFolder = folder !== undefined && !existsSync(folder)
    resolve(refused(isFolder ? `its folder ${folder} does not exist` : `${command.run}: ${error.message}`))
  })
  // What it left behind may hold its output open: its group ends with it.
  child.once("exit", end)
  child.once("close", (code, ended) => {
    done()
    if (signal.aborted) {
      return reject(new TaskError("SHELL_ENDED", `${command.run} was ended before it was done`, { outcome: "unknown" }))
    }
    const truncated = stdout.truncated || stderr.truncated
    const output = { stdout: stdout.toString(), stderr: stderr.toString(), truncated, timedOut }
    resolve({ status: code === 0 && !timedOut ? "ok" : "failed", data: { code, signal: ended, ...output } })
  })
  return promise
}

export default defineService<Config>({
  tasks: {
    async run({ command: name, values = {}, input }: Run, ctx) {
      const { commands } = ctx.config
      const command = Object.hasOwn(commands, name) ? commands[name] : undefined
      if (command === undefined)
        return refused(`no command ${name} is allowed; \`mesg service configure shell\` adds one`)
      const args = argumentsOf(command, values)
      return "reason" in args ? refused(args.reason) : runToEnd(command, args, input, ctx.signal)
    },
  },
})
