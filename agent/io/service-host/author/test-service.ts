import { spawn } from "node:child_process"
import { isDeepStrictEqual } from "node:util"
import type { TaskExecutionId } from "../../../base/ids.ts"
import { messageOf } from "../../../base/errors.ts"
import { RESULT_DATA_BYTES_MAX, TASK_TIMEOUT_MS_DEFAULT } from "../../../base/limits.ts"
import type { Isolation, RunningService, ServiceHost, TaskAnswer, TaskCall } from "../../../ports/service-host.ts"
import { compileDataSchema } from "../../../schema/data-schema.ts"
import { type Json, type JsonObject, parseJson } from "../../../schema/json.ts"
import type { Manifest, ManifestTask } from "../../../schema/manifest.ts"
import { readManifest } from "../manifest-file.ts"
import { failed } from "../runner.ts"
import { codeOfFolder } from "../service-module.ts"
import { ScratchBridge } from "./scratch-bridge.ts"

export interface ExampleReport {
  readonly task: string
  /** 1-based, in the order of the manifest. */
  readonly example: number
  readonly ok: boolean
  /** What was expected and what came, where it is not ok. */
  readonly message: string
  readonly ms: number
}

export interface TestReport {
  readonly service: string
  /** Where it ran: as it will run in the agent, or as a program of its own. */
  readonly tier: Isolation | "program"
  readonly examples: readonly ExampleReport[]
  /** What else went wrong: undeclared events, an end by itself. */
  readonly problems: readonly string[]
  /** Its log lines, for the author. */
  readonly log: readonly string[]
  readonly ok: boolean
}

/**
 * Runs the examples of a service's manifest, in order, against its real code, in the tier that it will run in.
 * @param options.isolation the manifest's own if left out
 * @param options.onExample told of each example as it ends
 * @throws ServiceError MANIFEST_…, SERVICE_CODE_…, SETTINGS_INVALID, START_FAILED, START_TIMEOUT
 */
export async function testService(
  folder: string,
  host: ServiceHost,
  options: { config?: JsonObject; isolation?: Isolation; onExample?: (report: ExampleReport) => void } = {},
): Promise<TestReport> {
  const manifest = await readManifest(folder)
  const bridge = new ScratchBridge(manifest)
  const { kind, file } = codeOfFolder(folder)
  const isolation = options.isolation ?? manifest.isolation
  const spec = { manifest, folder, isolation, config: options.config ?? {}, grants: { network: "declared" } } as const
  const service = kind === "module" ? await host.run(spec, bridge) : programAt(file)
  const examples: ExampleReport[] = []
  try {
    for (const [name, task] of Object.entries(manifest.tasks)) {
      for (const [i, example] of (task.examples ?? []).entries()) {
        const report = await runExample(service, manifest, name, task, i, example)
        examples.push(report)
        options.onExample?.(report)
      }
    }
  } finally {
    await service.stop()
  }
  const { problems, lines } = bridge
  const ok = problems.length === 0 && examples.every((example) => example.ok)
  const tier = kind === "program" ? "program" : isolation
  return { service: manifest.id, tier, examples, problems, log: lines, ok }
}

type Example = NonNullable<ManifestTask["examples"]>[number]

async function runExample(
  service: Pick<RunningService, "execute">,
  manifest: Manifest,
  name: string,
  task: ManifestTask,
  index: number,
  example: Example,
): Promise<ExampleReport> {
  const timeoutMs = task.timeoutMs ?? TASK_TIMEOUT_MS_DEFAULT
  const began = performance.now()
  const execution = `example-${index + 1}.${name}` as TaskExecutionId
  const call: TaskCall = { execution, task: name, inputs: example.inputs, deadlineMs: Date.now() + timeoutMs }
  const answer = await service.execute(call, { signal: AbortSignal.timeout(timeoutMs) })
  const message = difference(answer, manifest.id, name, task, example)
  return { task: name, example: index + 1, ok: message === "", message, ms: Math.round(performance.now() - began) }
}

/** @returns what is wrong with the answer, "" where nothing is */
function difference(answer: TaskAnswer, service: string, name: string, task: ManifestTask, example: Example): string {
  if (answer.kind === "error") return `expected ${example.status}, but it failed: ${answer.code}: ${answer.message}`
  const { status, data } = answer
  if (status !== example.status) return `expected ${example.status}, got ${status} ${JSON.stringify(data)}`
  const compiled = compileDataSchema(task.statuses[status]?.data ?? {})
  const issues = compiled.ok ? compiled.check(data) : [{ path: "", message: compiled.message }]
  if (issues[0] !== undefined) {
    return `the data of ${service}.${name} does not fit status ${status}: ${issues[0].path || "it"} ${issues[0].message}`
  }
  if (example.data === undefined || isDeepStrictEqual(data, example.data)) return ""
  return `expected ${JSON.stringify(example.data)}, got ${JSON.stringify(data)}`
}

/** A service that runs on its own, asked without a broker: `<program> --execute TASK`. */
function programAt(file: string): Pick<RunningService, "execute" | "stop"> {
  return {
    execute: (call, { signal }) => executeProgram(file, call, signal),
    stop: async () => undefined,
  }
}

async function executeProgram(file: string, call: TaskCall, signal: AbortSignal): Promise<TaskAnswer> {
  const child = spawn(file, ["--execute", call.task], {
    stdio: ["pipe", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  })
  let out = ""
  let err = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out = (out + text).slice(0, RESULT_DATA_BYTES_MAX * 2)
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err = (err + text).slice(-4096)
  })
  child.stdin.on("error", () => child.stdin.destroy())
  child.stdin.end(JSON.stringify(call.inputs))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once("error", reject)
  child.once("close", resolve)
  try {
    const code = await promise
    const parsed = parseJson(out.trim())
    if (!parsed.ok) return failed("SERVICE_EXITED", `exit code ${code}, no answer in JSON. ${err.trim()}`, "known")
    const { status, data = {} } = parsed.value as { status?: unknown; data?: Json }
    if (typeof status === "string") return { kind: "result", status, data }
    return failed("SERVICE_RESULT_INVALID", `answered ${out.trim().slice(0, 500)}`, "known")
  } catch (error) {
    return failed("SERVICE_EXITED", messageOf(error), "known")
  }
}
