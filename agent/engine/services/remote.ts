import { utf8 } from "../../base/bytes.ts"
import type { TaskExecutionId } from "../../base/ids.ts"
import type { Broker } from "../../ports/broker.ts"
import type { Keys } from "../../ports/keys.ts"
import type { RecoverAnswer, RunningService, Stop, TaskAnswer, TaskCall } from "../../ports/service-host.ts"
import type { Json } from "../../schema/json.ts"
import { type ServiceAnswer, serviceTopic } from "../../schema/service-message.ts"
import { signedRequest } from "./request.ts"

type Question = "recover" | "verify"

/**
 * A Service behind MQTT, in any language, on any machine. A task's answer does not come back through `execute`: the
 * bridge records it before the message is acknowledged, and then ends the attempt.
 */
export class RemoteService implements RunningService {
  readonly #id: string
  readonly #broker: Broker
  readonly #keys: Keys
  /** Questions that wait for an answer, by kind and execution; bounded by the attempts that are under way. */
  readonly #questions = new Map<string, (answer: ServiceAnswer) => void>()

  constructor(id: string, broker: Broker, keys: Keys) {
    this.#id = id
    this.#broker = broker
    this.#keys = keys
  }

  async execute(call: TaskCall, stop: Stop): Promise<TaskAnswer> {
    await this.#send(serviceTopic.task(this.#id, call.task), signedRequest(call, this.#keys))
    await aborted(stop.signal)
    return {
      kind: "error",
      code: "NO_ANSWER",
      message: `service "${this.#id}" did not answer in time`,
      outcome: "unknown",
    }
  }

  async recover(call: TaskCall, signal: AbortSignal): Promise<RecoverAnswer> {
    const request = signedRequest(call, this.#keys)
    const answer = await this.#ask(
      "recover",
      serviceTopic.recover(this.#id, call.task),
      request,
      call.execution,
      signal,
    )
    if (answer === null) return { kind: "unknown" }
    if ("error" in answer) return { kind: answer.error.code === "NOT_DONE" ? "not-done" : "unknown" }
    return { kind: "result", status: answer.status, data: answer.data as Json }
  }

  async verify(call: TaskCall, result: { status: string; data: Json }, signal: AbortSignal): Promise<boolean | null> {
    const request = signedRequest(call, this.#keys, result)
    const answer = await this.#ask("verify", serviceTopic.verify(this.#id, call.task), request, call.execution, signal)
    if (answer === null || "error" in answer) return null
    return answer.status === "correct"
  }

  /** @returns whether the answer was to a question, and not a task's result */
  answered(execution: TaskExecutionId, answer: ServiceAnswer): boolean {
    for (const kind of ["recover", "verify"] as const) {
      const resolve = this.#questions.get(`${kind} ${execution}`)
      if (resolve === undefined) continue
      resolve(answer)
      return true
    }
    return false
  }

  async stop(): Promise<void> {}

  memory(): number | null {
    return null
  }

  async #ask(
    kind: Question,
    topic: string,
    request: unknown,
    execution: string,
    signal: AbortSignal,
  ): Promise<ServiceAnswer | null> {
    const name = `${kind} ${execution}`
    const { promise, resolve } = Promise.withResolvers<ServiceAnswer>()
    this.#questions.set(name, resolve)
    try {
      await this.#send(topic, request)
      return await Promise.race([promise, aborted(signal).then(() => null)])
    } finally {
      this.#questions.delete(name)
    }
  }

  #send(topic: string, message: unknown): Promise<void> {
    return this.#broker.publish({ topic, payload: utf8(JSON.stringify(message)), qos: 1, retain: false })
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve(), { once: true })
  })
}
