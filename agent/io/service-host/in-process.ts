import { AsyncLocalStorage } from "node:async_hooks"
import { messageOf } from "../../base/errors.ts"
import type { RunningService, ServiceBridge, ServiceSpec } from "../../ports/service-host.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { copyJson } from "../../schema/plain-json.ts"
import { connectDirectly } from "./connect.ts"
import { loadServiceModule } from "./loader.ts"
import { ServiceRunner } from "./runner.ts"
import type { Backend } from "./backend.ts"
import { checkHandlers, codeFileOf, handlerNames, loadFailure } from "./service-module.ts"

/** Which service's code is running: follows its timers, promises and sockets. */
const current = new AsyncLocalStorage<InProcessService>()

/**
 * A service in the agent's own process, with the agent's rights. What it throws is contained, also out of its timers
 * and sockets (containUncaught); a loop that never ends is not, the watchdog ends the process.
 */
class InProcessService implements RunningService {
  readonly #bridge: ServiceBridge
  #runner: ServiceRunner | undefined
  #over = false
  /** Runs something as the service's code. One context for all of its calls: to make one each time costs more than a call. */
  readonly #asOwn = current.run(this, () => AsyncLocalStorage.snapshot())

  constructor(bridge: ServiceBridge) {
    this.#bridge = bridge
  }

  async start(spec: ServiceSpec, config: JsonObject): Promise<void> {
    const { id } = spec.manifest
    await this.#asOwn(async () => {
      const module = await loadServiceModule(spec.folder).catch((error: unknown) => {
        throw loadFailure(id, spec.folder, error)
      })
      checkHandlers(handlerNames(module), spec.manifest, codeFileOf(spec.folder))
      this.#runner = new ServiceRunner(id, module, config, backendOf(this.#bridge))
      try {
        await this.#runner.start()
      } catch (error) {
        this.#over = true
        throw error
      }
    })
  }

  execute(...call: Parameters<RunningService["execute"]>): ReturnType<RunningService["execute"]> {
    return this.#asOwn(() => this.#running().execute(...call))
  }

  recover(...call: Parameters<RunningService["recover"]>): ReturnType<RunningService["recover"]> {
    return this.#asOwn(() => this.#running().recover(...call))
  }

  verify(...call: Parameters<RunningService["verify"]>): ReturnType<RunningService["verify"]> {
    return this.#asOwn(() => this.#running().verify(...call))
  }

  async stop(): Promise<void> {
    this.#over = true
    await this.#asOwn(async () => this.#runner?.stop())
  }

  memory(): null {
    return null
  }

  /** An error of its code reached nobody: the service is over, the agent goes on. */
  fail(error: unknown): void {
    if (this.#over) {
      this.#bridge.log("warn", "an error after its stop", { error: messageOf(error) })
      return
    }
    this.#over = true
    const ended = { code: "SERVICE_THREW", message: `uncaught in the service: ${messageOf(error)}` }
    const stopped = this.#runner === undefined ? Promise.resolve() : this.stop()
    void stopped.finally(() => this.#bridge.ended(ended))
  }

  #running(): ServiceRunner {
    if (this.#runner === undefined) throw new Error("a service is called only after its start")
    return this.#runner
  }
}

/** @throws ServiceError START_FAILED, START_TIMEOUT, SERVICE_CODE_MISSING, SERVICE_CODE_INVALID */
export async function runInProcess(
  spec: ServiceSpec,
  config: JsonObject,
  bridge: ServiceBridge,
): Promise<RunningService> {
  const service = new InProcessService(bridge)
  await service.start(spec, config)
  return service
}

/**
 * For the program's `uncaughtException` handler: an error out of a timer, socket or promise of an in-process service
 * ends that service alone.
 * @returns false where the error is the agent's own, which must end the process
 */
export function containUncaught(error: unknown): boolean {
  const service = current.getStore()
  if (service === undefined) return false
  current.exit(() => service.fail(error))
  return true
}

/** The agent's code runs outside the service's context: its failures are never taken for the service's. */
function backendOf(bridge: ServiceBridge): Backend {
  const outside = <Value>(action: () => Value): Value => current.exit(action)
  const inside = () => {
    const service = current.getStore()
    return <Value>(action: () => Value): Value => (service === undefined ? action() : current.run(service, action))
  }
  return {
    emit: async (event, data, eventId, patient) => outside(() => bridge.emit(event, data, eventId, { patient })),
    log: (level, message, fields) => outside(() => bridge.log(level, message, fields)),
    storeGet: async (key) => {
      const value: Json | undefined = outside(() => bridge.storeGet(key))
      return value === undefined ? undefined : copyJson(value)
    },
    storeSet: async (key, value) => outside(() => bridge.storeSet(key, value)),
    publish: async (topic, payload, options) => outside(() => bridge.publish(topic, payload, options)),
    subscribe: async (filter, handler, event) => {
      const run = inside()
      const close = outside(() =>
        bridge.subscribe(
          filter,
          (topic, payload, about) => run(() => handler({ topic, payload, qos: about.qos, retained: about.retained })),
          event,
        ),
      )
      return async () => outside(close)
    },
    webhook: async (path, handler) => {
      const run = inside()
      const close = outside(() => bridge.webhook(path, async (request) => run(() => handler(request))))
      return async () => outside(close)
    },
    fetch: (url, options, signal) => {
      const signals = [signal, options?.signal].filter((one) => one instanceof AbortSignal)
      return fetch(url, { ...options, signal: AbortSignal.any(signals) })
    },
    connect: connectDirectly,
  }
}
