import type { ExecutionId, ServiceId } from "../../base/ids.ts"
import { isFinished } from "../../core/execution/state.ts"
import type { TaskAnswer, TaskCall } from "../../ports/service-host.ts"
import type { Event } from "../../schema/event.ts"
import type { Dedupe } from "../events/dedupe.ts"
import { eventScope, executionScope, render } from "../executions/evaluate.ts"
import type { ExecutionBook } from "../executions/executions.ts"
import type { Live } from "../executions/live.ts"
import { triggeredInput } from "../../core/execution/transition.ts"
import type { EnginePorts } from "../ports.ts"
import type { ApplicationBook } from "./applications.ts"

/*
 * A public application used as a task. Paper, Applications: one point of entry with specific data and several types of
 * results. The call's key makes the called execution unique: calling again finds it, after a restart too.
 */
export class ApplicationCalls {
  readonly #ports: EnginePorts
  readonly #applications: ApplicationBook
  readonly #executions: ExecutionBook
  readonly #dedupe: Dedupe

  constructor(ports: EnginePorts, applications: ApplicationBook, executions: ExecutionBook, dedupe: Dedupe) {
    this.#ports = ports
    this.#applications = applications
    this.#executions = executions
    this.#dedupe = dedupe
  }

  /** Resolves when the first of the application's outputs is reached; the called execution goes on to its own end. */
  async call(name: string, call: TaskCall, signal: AbortSignal): Promise<TaskAnswer> {
    const live = await this.#find(name, call)
    if ("code" in live) return { kind: "error", ...live, outcome: "known" }
    const reached = await this.#executions.follow(live, (state) => state.output !== null || isFinished(state), signal)
    if (!reached) {
      this.#executions.feedInBackground(live, [{ kind: "cancel", atMs: this.#ports.clock.now() }])
      return { kind: "error", code: "CANCELLED", message: "the call was given up", outcome: "unknown" }
    }
    return this.#answer(live)
  }

  async #find(name: string, call: TaskCall): Promise<Live | NotCalled> {
    const known = this.#dedupe.find("app", name, call.execution)
    if (known !== null) return this.#again(name, known.executions[0]!)
    const document = this.#applications.document(name)
    const [workflow] = Object.keys(document?.workflows ?? {})
    const pinned = workflow === undefined ? null : this.#applications.newest(name, workflow)
    if (pinned === null || document?.visibility !== "public") return notCalled("APPLICATION_NOT_FOUND", name)
    const [issue] = pinned.checkTrigger(call.inputs)
    if (issue !== undefined) return { code: "INPUTS_INVALID", message: `inputs${issue.path}: ${issue.message}` }
    const timeMs = this.#ports.clock.now()
    const { trigger, version } = pinned.definition
    const event: Event = {
      service: trigger.service as ServiceId,
      event: trigger.event,
      data: call.inputs,
      id: call.execution,
      timeMs,
    }
    const live = this.#executions.prepare({ app: name, workflow: workflow!, version }, pinned)
    const remembered = this.#dedupe.remember("app", name, call.execution, { executions: [live.id], data: null }, timeMs)
    await this.#executions.transact([{ live, inputs: [triggeredInput(live.id, event, timeMs)] }], remembered)
    return live
  }

  /** The execution an earlier call with this key made: still running, or ended and replayed. */
  #again(name: string, id: ExecutionId): Live | NotCalled {
    const { runner, archive } = this.#executions
    return runner.active.get(id) ?? archive.revive(id) ?? notCalled("EXECUTION_NOT_FOUND", name)
  }

  async #answer({ durable: state, pinned }: Live): Promise<TaskAnswer> {
    const { definition, output } = state!
    if (output === null) {
      const message = `application "${definition.app}" ended without reaching one of its outputs`
      return { kind: "error", code: "NO_OUTPUT", message, outcome: "known" }
    }
    const { status, data } = definition.outputs[output]!
    const rendered = await render(
      this.#ports.expressions,
      data,
      executionScope(state!, eventScope(state!.trigger), null),
      this.#ports.clock.now(),
    )
    if (!rendered.ok) return { kind: "error", code: "EXPRESSION_FAILED", message: rendered.message, outcome: "known" }
    const value = rendered.value ?? null
    const [issue] = pinned.checkOutput(output, value)
    if (issue === undefined) return { kind: "result", status, data: value }
    const message = `output "${status}" of application "${definition.app}", data${issue.path}: ${issue.message}`
    return { kind: "error", code: "RESULT_INVALID", message, outcome: "known" }
  }
}

/** Why nothing was called, as the task's error says it. */
interface NotCalled {
  readonly code: "APPLICATION_NOT_FOUND" | "EXECUTION_NOT_FOUND" | "INPUTS_INVALID"
  readonly message: string
}

function notCalled(code: NotCalled["code"], name: string): NotCalled {
  return { code, message: `application "${name}" cannot be called` }
}
