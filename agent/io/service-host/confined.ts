import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { realpath } from "node:fs/promises"
import { setPriority } from "node:os"
import type { Duplex, Readable } from "node:stream"
import { pathToFileURL } from "node:url"
import * as v from "valibot"
import { messageOf } from "../../base/errors.ts"
import {
  RESULT_DATA_BYTES_MAX,
  SERVICE_ABORT_GRACE_MS,
  SERVICE_HUNG_MS,
  SERVICE_LAST_OUTPUT_MS,
  SERVICE_MEMORY_CHECK_MS,
  SERVICE_PING_MS,
  SERVICE_RUNTIME_MEMORY_MB,
  SERVICE_START_TIMEOUT_MS,
  SERVICE_STOP_TIMEOUT_MS,
} from "../../base/limits.ts"
import type {
  RecoverAnswer,
  RunningService,
  ServiceBridge,
  ServiceSpec,
  Stop,
  TaskAnswer,
  TaskCall,
} from "../../ports/service-host.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { plainJson } from "../../schema/plain-json.ts"
import { Channel, RemoteError } from "./channel.ts"
import { ChildDesk } from "./child-desk.ts"
import { DyingSchema, LoadedSchema, LogSchema, RecoverAnswerSchema, TaskAnswerSchema } from "./child-requests.ts"
import { type ChildRuntime, type Command, confinedCommand } from "./confinement.ts"
import { LogGate } from "./log-gate.ts"
import { NetworkGate, type Resolve } from "./network-gate.ts"
import { failed } from "./runner.ts"
import { ServiceError } from "./service-error.ts"
import { checkHandlers, codeFileOf } from "./service-module.ts"
import { serveSources } from "./source-server.ts"

const MIB = 1024 * 1024
/** Above the agent's own, so that the kernel ends a child first when memory runs out; and the agent's work goes first. */
const OOM_SCORE = "800"
const NICENESS = 5

interface End {
  readonly code: string
  readonly message: string
}

/**
 * A service in a process of its own, under Node's permission model. It may throw, loop, leak, exit or speak nonsense: its
 * running tasks end with outcome unknown and a stable code, `ended` is told once, the agent and the others go on.
 * @see docs/spec/service.md#confined
 */
class ConfinedService implements RunningService {
  readonly #spec: ServiceSpec
  readonly #bridge: ServiceBridge
  readonly #log: LogGate
  readonly #desk: ChildDesk
  readonly #gone = Promise.withResolvers<End>()
  #child: ChildProcess | undefined
  #channel: Channel | undefined
  #timers: NodeJS.Timeout[] = []
  #stderr: () => string = () => ""
  /** Why the process is about to end, as far as this side or its last words know. */
  #cause: End | undefined
  #end: End | undefined
  #started = false
  #stopping = false

  constructor(spec: ServiceSpec, bridge: ServiceBridge, resolve: Resolve | undefined) {
    this.#spec = spec
    this.#bridge = bridge
    this.#log = new LogGate(bridge)
    this.#desk = new ChildDesk(
      spec.manifest.id,
      bridge,
      new NetworkGate(spec.manifest.permissions?.network ?? [], resolve),
    )
  }

  async start(config: JsonObject, runtime: ChildRuntime): Promise<void> {
    const { id } = this.#spec.manifest
    const file = codeFileOf(this.#spec.folder)
    const command = await confinedCommand(this.#spec, runtime)
    const channel = await this.#spawn(command, runtime)
    const timer = setTimeout(
      () => this.#kill({ code: "START_TIMEOUT", message: `did not start within ${SERVICE_START_TIMEOUT_MS} ms` }),
      SERVICE_START_TIMEOUT_MS,
    )
    try {
      const url = pathToFileURL(await realpath(file)).href
      const { network } = this.#spec.grants
      const loaded = await channel.ask("load", { id, url, config, network })
      checkHandlers(v.parse(LoadedSchema, loaded), this.#spec.manifest, file)
      await channel.ask("start", null)
      this.#started = true
    } catch (error) {
      throw await this.#startFailure(error)
    } finally {
      clearTimeout(timer)
    }
  }

  async #startFailure(error: unknown): Promise<ServiceError> {
    const { id } = this.#spec.manifest
    const closed = error instanceof RemoteError && error.code.startsWith("CHANNEL_")
    const end = closed ? await this.#gone.promise : null
    await this.stop()
    if (error instanceof ServiceError) return error
    const late = end?.code === "START_TIMEOUT" || (error instanceof RemoteError && error.code === "START_TIMEOUT")
    const code = late ? "START_TIMEOUT" : "START_FAILED"
    const why = end === null ? messageOf(error) : `${end.code}: ${end.message}`
    return new ServiceError({ code, service: id }, `${id} does not start: ${why}`, {
      cause: error,
      remedy: late
        ? "`start` should return once the service listens; long work belongs behind it"
        : `see its log; \`mesg service test ${this.#spec.folder}\` shows the same error. What a confined service may reach is declared under permissions in service.yml`,
    })
  }

  async #spawn(command: Command, runtime: ChildRuntime): Promise<Channel> {
    const { id } = this.#spec.manifest
    const child = spawn(command.file, [...command.args], {
      cwd: await realpath(this.#spec.folder),
      env: command.env,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      // A process group of its own: what it started ends with it, and a Ctrl-C at the terminal is the agent's to handle.
      detached: true,
    })
    this.#child = child
    child.once("error", (error) => this.#over({ code: "SERVICE_EXITED", message: messageOf(error) }))
    child.once("exit", (code, signal) => void this.#exited(code, signal))
    const [, stdout, stderr, wire, sources] = child.stdio as unknown as [null, Readable, Readable, Duplex, Duplex]
    this.#log.follow(stdout, "info")
    this.#stderr = this.#log.follow(stderr, "warn")
    serveSources(sources, [await realpath(this.#spec.folder), ...runtime.readable])
    const channel: Channel = new Channel(wire, {
      ask: (op, args, signal) => this.#desk.serve(channel, op, args, signal),
      tell: (op, args) => this.#told(op, args),
      broken: ({ code, message }) => {
        if (code === "CHANNEL_PROTOCOL") this.#kill({ code: "SERVICE_PROTOCOL", message: `${id}: ${message}` })
        if (code === "CHANNEL_FULL") this.#kill({ code: "SERVICE_HUNG", message: `${id}: ${message}` })
        // A process without its channel is of no use; where it has exited this changes nothing.
        if (code === "CHANNEL_CLOSED")
          setTimeout(
            () => this.#kill({ code: "SERVICE_EXITED", message: `${id} closed its channel` }),
            SERVICE_LAST_OUTPUT_MS,
          ).unref()
      },
    })
    this.#channel = channel
    if (child.pid !== undefined) this.#standBack(child.pid)
    this.#timers.push(setInterval(() => this.#checkMemory(command.memoryMb), SERVICE_MEMORY_CHECK_MS))
    this.#beat(channel)
    return channel
  }

  #standBack(pid: number): void {
    try {
      setPriority(pid, NICENESS)
      writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE)
    } catch (error) {
      this.#bridge.log("debug", "the child's priority was not lowered", { error: messageOf(error) })
    }
  }

  /** Counts beats rather than time: while the agent itself stands still, none is missed. */
  #beat(channel: Channel): void {
    let missed = 0
    const timer = setInterval(() => {
      if (missed > 0 && !channel.holding && missed >= SERVICE_HUNG_MS / SERVICE_PING_MS) {
        const message = `its event loop has stood still for ${SERVICE_HUNG_MS} ms`
        return this.#kill({ code: "SERVICE_HUNG", message: `${this.#spec.manifest.id}: ${message}` })
      }
      missed += 1
      if (missed === 1) {
        channel.ask("ping", null).then(
          () => {
            missed = 0
          },
          () => clearInterval(timer),
        )
      }
    }, SERVICE_PING_MS)
    this.#timers.push(timer)
  }

  #checkMemory(memoryMb: number): void {
    const bytes = this.memory()
    const maxMb = memoryMb + SERVICE_RUNTIME_MEMORY_MB
    if (bytes === null || bytes <= maxMb * MIB) return
    const message = `${this.#spec.manifest.id} takes ${Math.round(bytes / MIB)} MiB, at most ${maxMb} (constraints.memoryMb and Node's own)`
    this.#kill({ code: "SERVICE_MEMORY", message })
  }

  #told(op: string, args: Json): void {
    const log = op === "log" ? v.safeParse(LogSchema, args) : null
    if (log?.success === true) return this.#log.log(log.output.level, log.output.message, log.output.fields)
    const dying = op === "dying" ? v.safeParse(DyingSchema, args) : null
    if (dying?.success === true) this.#cause ??= dying.output
  }

  /** The process is ended at once, with all it started. */
  #kill(cause: End): void {
    const pid = this.#child?.pid
    if (this.#end !== undefined || pid === undefined) return
    this.#cause ??= cause
    try {
      process.kill(-pid, "SIGKILL")
    } catch (error) {
      // ESRCH: it is gone already, and its exit is on the way.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }

  async #exited(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    const child = this.#child
    if (child?.pid !== undefined) this.#endGroup(child.pid)
    // What it had answered before it died is still in the pipe.
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, SERVICE_LAST_OUTPUT_MS)
    child?.once("close", () => resolve())
    await promise
    clearTimeout(timer)
    this.#over(this.#cause ?? this.#causeOf(code, signal))
  }

  /** What it had started ends with it. */
  #endGroup(pid: number): void {
    try {
      process.kill(-pid, "SIGKILL")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }

  #causeOf(code: number | null, signal: NodeJS.Signals | null): End {
    const { id } = this.#spec.manifest
    if (/heap out of memory|Allocation failed|ERR_WORKER_OUT_OF_MEMORY/.test(this.#stderr())) {
      return { code: "SERVICE_MEMORY", message: `${id} used up the memory that constraints.memoryMb gives it` }
    }
    const how = signal === null ? `exited with code ${code ?? "?"}` : `was ended by ${signal}`
    return { code: "SERVICE_EXITED", message: `${id} ${how}` }
  }

  #over(end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    for (const timer of this.#timers) clearInterval(timer)
    this.#channel?.close()
    this.#desk.close()
    this.#log.tellLeftOut()
    this.#gone.resolve(end)
    if (this.#started && !this.#stopping) this.#bridge.ended(end)
  }

  async execute(call: TaskCall, { signal }: Stop): Promise<TaskAnswer> {
    const name = `${this.#spec.manifest.id}.${call.task}`
    try {
      const said = await this.#ask("execute", { ...call }, signal)
      const answer = v.safeParse(TaskAnswerSchema, said)
      if (!answer.success) return failed("SERVICE_PROTOCOL", `${name} answered what is no answer`, "unknown")
      if (answer.output.kind === "error") return answer.output
      const plain = plainJson(answer.output.data, RESULT_DATA_BYTES_MAX)
      if (plain.ok) return { ...answer.output, data: plain.value }
      return failed("SERVICE_RESULT_INVALID", `${name}: the data of its result ${plain.message}`, "unknown")
    } catch (error) {
      if (signal.aborted) return failed("TASK_ABORTED", `${name} was told to stop before it had answered`, "unknown")
      return this.#unanswered(name, error)
    }
  }

  async #unanswered(name: string, error: unknown): Promise<TaskAnswer> {
    // It never got there: nothing can have happened.
    if (this.#end !== undefined && error instanceof ServiceError) return failed(error.code, messageOf(error), "known")
    if (error instanceof RemoteError && error.code.startsWith("CHANNEL_")) {
      const end = await this.#gone.promise
      return failed(end.code, `${name}: ${end.message}`, "unknown")
    }
    return failed(
      error instanceof RemoteError ? error.code : "SERVICE_THREW",
      `${name}: ${messageOf(error)}`,
      "unknown",
    )
  }

  async recover(call: TaskCall, signal: AbortSignal): Promise<RecoverAnswer> {
    try {
      const answer = v.parse(RecoverAnswerSchema, await this.#ask("recover", { ...call }, signal))
      return answer.kind === "result" ? answer : { kind: answer.kind }
    } catch (error) {
      this.#bridge.log("warn", "its recover gave no answer", { task: call.task, error: messageOf(error) })
      return { kind: "unknown" }
    }
  }

  async verify(call: TaskCall, result: { status: string; data: Json }, signal: AbortSignal): Promise<boolean | null> {
    try {
      const verdict = await this.#ask("verify", { call: { ...call }, result }, signal)
      return verdict === null ? null : verdict === true
    } catch (error) {
      this.#bridge.log("warn", "its verification gave no answer", { task: call.task, error: messageOf(error) })
      return false
    }
  }

  async #ask(op: string, args: Json, signal: AbortSignal): Promise<Json> {
    if (this.#channel === undefined || this.#end !== undefined) {
      const { id } = this.#spec.manifest
      throw new ServiceError({ code: "SERVICE_STOPPED", service: id }, `${id} is not running`)
    }
    // The child's own grace comes first; this one is for a child that does not keep it.
    return this.#channel.ask(op, args, signal, SERVICE_ABORT_GRACE_MS * 2)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#child === undefined || this.#end !== undefined) return
    try {
      const late = AbortSignal.timeout(SERVICE_STOP_TIMEOUT_MS)
      if (this.#started) await this.#channel?.ask("stop", null, late)
    } catch (error) {
      if (this.#end === undefined) this.#bridge.log("warn", "it did not stop in time", { error: messageOf(error) })
    }
    this.#kill({ code: "SERVICE_STOPPED", message: `${this.#spec.manifest.id} has been stopped` })
    await this.#gone.promise
  }

  memory(): number | null {
    const pid = this.#child?.pid
    if (pid === undefined || this.#end !== undefined) return null
    try {
      const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))
      return resident === null ? null : Number(resident[1]) * 1024
    } catch {
      // It has just ended; its exit tells so.
      return null
    }
  }
}

/** @throws ServiceError START_FAILED, START_TIMEOUT, SERVICE_CODE_MISSING, SERVICE_CODE_INVALID, CONFINEMENT_UNSAFE */
export async function runConfined(
  spec: ServiceSpec,
  config: JsonObject,
  bridge: ServiceBridge,
  options: { runtime: ChildRuntime; resolve: Resolve | undefined },
): Promise<RunningService> {
  const service = new ConfinedService(spec, bridge, options.resolve)
  await service.start(config, options.runtime)
  return service
}
