import type { TaskExecutionId } from "../../agent/base/ids.ts"
import { serviceHost, type ServiceHostOptions } from "../../agent/io/service-host/host.ts"
import type { RunningService, TaskAnswer } from "../../agent/ports/service-host.ts"
import type { Json, JsonObject } from "../../agent/schema/json.ts"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { RecordingBridge } from "./service-bridge.ts"
import { serviceFolder } from "./service-folder.ts"

/** Confined services for the tests of the `describe` that calls this: what a test has run is stopped after it. */
export function confinedServices() {
  let running: RunningService[] = []
  let bridge: RecordingBridge

  beforeEach(() => {
    bridge = new RecordingBridge()
  })
  afterEach(async () => {
    await Promise.all(running.map((service) => service.stop()))
    running = []
  })

  async function run(
    manifest: Partial<ManifestInput>,
    code: string,
    how: { config?: JsonObject; network?: "any"; host?: ServiceHostOptions; folder?: string } = {},
  ): Promise<RunningService> {
    const folder = how.folder ?? serviceFolder(manifest, code)
    const host = serviceHost(how.host)
    const service = await host.run(
      {
        manifest: await host.manifestOf(folder),
        folder,
        isolation: "confined",
        config: how.config ?? {},
        grants: { network: how.network ?? "declared" },
      },
      bridge,
    )
    running.push(service)
    return service
  }

  async function call(
    service: RunningService,
    task: string,
    inputs: Json = {},
    signal?: AbortSignal,
  ): Promise<TaskAnswer> {
    const execution = `ex_1.${task}` as TaskExecutionId
    const deadlineMs = Date.now() + 20_000
    return service.execute(
      { execution, task, inputs, deadlineMs },
      signal === undefined ? new AbortController() : { signal },
    )
  }

  return {
    /** What the services of this test talk to. */
    get bridge(): RecordingBridge {
      return bridge
    },
    run,
    call,
  }
}

/** @returns the status, or code and outcome of an error */
export function codeOf(answer: TaskAnswer): string {
  return answer.kind === "error" ? `${answer.code} ${answer.outcome}` : answer.status
}
