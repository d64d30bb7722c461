import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { startAgent, type TestAgent, type TestAgentOptions } from "../support/agent.ts"
import { bundledProgram } from "../support/bundle.ts"

/** Kernel ticks per second of /proc/<pid>/stat: 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100

/** @returns CPU seconds, user and system, that a process has used */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
}

/** @returns resident memory of a process, bytes */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024
}

/** What a program does after it is ready (first copies, timers) is over by then. */
export const SETTLED_MS = 5000

/** What a subject answers to a job. */
export interface RunReport {
  readonly count: number
  readonly seconds: number
  /** User and system, of all its threads. */
  readonly cpuSeconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Run extends RunReport {
  readonly perCpuSecond: number
}

export interface Job {
  /** Which of the subject's works. */
  readonly work: string
  /** How many at a time. */
  readonly concurrency: number
  /** How many in all. */
  readonly count: number
}

/** A program of our own under test, in a process of its own: subjects/<name>.ts. */
export class Subject {
  readonly process: ChildProcess
  /** What it said when it was ready: a port, for one. */
  greeting: unknown = null

  private constructor(process: ChildProcess) {
    this.process = process
  }

  /** Resolves when it is ready. @param args its own arguments */
  static async start(name: string, ...args: readonly string[]): Promise<Subject> {
    const file = fileURLToPath(new URL(`subjects/${name}.ts`, import.meta.url))
    const subject = new Subject(fork(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] }))
    subject.greeting = await subject.#answer()
    return subject
  }

  get pid(): number {
    return this.process.pid!
  }

  /** Does the job. @returns what it did, and what CPU time its process used meanwhile, to the microsecond */
  async run(job: Job): Promise<Run> {
    this.process.send(job)
    const report = (await this.#answer()) as RunReport
    return { ...report, perCpuSecond: report.count / report.cpuSeconds }
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const exited = once(this.process, "exit")
    this.process.disconnect()
    await exited
  }

  async #answer(): Promise<unknown> {
    const ended = new AbortController()
    const onExit = (code: number | null) => ended.abort(new Error(`a subject ended with ${code}`))
    this.process.once("exit", onExit)
    try {
      const [message] = (await once(this.process, "message", { signal: ended.signal })) as [unknown]
      return message
    } finally {
      this.process.off("exit", onExit)
    }
  }
}

/** An agent as users run it. */
export function startShipped(options: TestAgentOptions): Promise<TestAgent> {
  return startAgent({ ...options, program: bundledProgram() })
}

/** Starts a program that is not ours. */
export function startPeer(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } })
}

/** Ends it and waits until it is gone. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill(signal)
  await exited
}
