import { join, resolve } from "node:path"
import type { TaskExecutionId } from "../../agent/base/ids.ts"
import { serviceHost } from "../../agent/io/service-host/host.ts"
import type { RunningService, ServiceBridge, TaskAnswer } from "../../agent/ports/service-host.ts"
import { compileDataSchema } from "../../agent/schema/data-schema.ts"
import type { Json, JsonObject } from "../../agent/schema/json.ts"
import type { Manifest } from "../../agent/schema/manifest.ts"
import { RecordingBridge } from "./service-bridge.ts"

const PLUGINS = resolve(import.meta.dirname, "../../plugins")

/** One of the services that ship with the agent, running as it does there, against a bridge that the test looks at. */
export class Plugin<Bridge extends ServiceBridge = RecordingBridge> {
  readonly manifest: Manifest
  readonly bridge: Bridge
  readonly #running: RunningService
  #calls = 0

  constructor(manifest: Manifest, bridge: Bridge, running: RunningService) {
    this.manifest = manifest
    this.bridge = bridge
    this.#running = running
  }

  /** The answer, after it was checked as the engine does. `execution` makes it a repeat of that one. */
  async call(
    task: string,
    inputs: Json,
    options: { execution?: string; signal?: AbortSignal } = {},
  ): Promise<TaskAnswer> {
    this.#calls += 1
    const execution = (options.execution ?? `ex_${this.#calls}.${task}`) as TaskExecutionId
    const declared = this.manifest.tasks[task]!
    fits(declared.inputs, inputs, `inputs of ${task}`)
    const call = { execution, task, inputs, deadlineMs: Date.now() + 10_000 }
    const answer = await this.#running.execute(
      call,
      options.signal === undefined ? new AbortController() : { signal: options.signal },
    )
    if (answer.kind === "result") {
      const status = declared.statuses[answer.status]
      if (status === undefined) throw new Error(`${task} answered the undeclared status ${answer.status}`)
      fits(status.data, answer.data, `data of ${task}.${answer.status}`)
    }
    return answer
  }

  /** Status and data of the answer, shown as one value. */
  async result(task: string, inputs: Json, options: { execution?: string } = {}): Promise<Json> {
    const answer = await this.call(task, inputs, options)
    return answer.kind === "result" ? [answer.status, answer.data] : [answer.code, answer.outcome]
  }

  stop(): Promise<void> {
    return this.#running.stop()
  }
}

function fits(schema: Parameters<typeof compileDataSchema>[0], data: unknown, what: string): void {
  const compiled = compileDataSchema(schema)
  const issues = compiled.ok ? compiled.check(data) : [{ path: "", message: compiled.message }]
  if (issues[0] !== undefined)
    throw new Error(`${what}: ${issues[0].path} ${issues[0].message}: ${JSON.stringify(data)}`)
}

/** The events of a bridge are checked against the manifest. */
export async function runPlugin<Bridge extends ServiceBridge>(
  id: string,
  config: JsonObject,
  bridge: Bridge,
): Promise<Plugin<Bridge>> {
  const host = serviceHost()
  const folder = join(PLUGINS, id)
  const manifest = await host.manifestOf(folder)
  const emit = bridge.emit.bind(bridge)
  bridge.emit = async (event, data, eventId) => {
    fits(manifest.events[event]!.data, data, `data of event ${event}`)
    await emit(event, data, eventId)
  }
  const spec = { manifest, folder, isolation: "in-process", config, grants: { network: "declared" } } as const
  return new Plugin(manifest, bridge, await host.run(spec, bridge))
}

export function recordingPlugin(id: string, config: JsonObject = {}): Promise<Plugin<RecordingBridge>> {
  return runPlugin(id, config, new RecordingBridge())
}
