import { AsyncLocalStorage } from "node:async_hooks"
import { SERVICE_EVENTS_WAITING_MAX, SERVICE_STORE_KEYS_MAX } from "../../base/limits.ts"
import type { Broker, IncomingMessage } from "../../ports/broker.ts"
import type { ServiceBridge } from "../../ports/service-host.ts"
import type { Json } from "../../schema/json.ts"
import { TOPIC_ROOT } from "../../schema/service-message.ts"
import { TABLE } from "../../schema/tables.ts"
import type { Demand } from "../events/demand.ts"
import { acceptOrKeep, type EventIntake } from "../events/incoming.ts"
import { overloaded } from "../executions/room.ts"
import type { EnginePorts } from "../ports.ts"
import { RegistryError } from "./error.ts"
import type { Subscriptions } from "./subscriptions.ts"
import type { Webhooks } from "./webhooks.ts"

/**
 * The MQTT message that a service is handling: an event that it emits meanwhile is written together with it, and waits
 * for room as its publisher does.
 */
const handling = new AsyncLocalStorage<IncomingMessage>()

export interface PluginBridgeParts {
  readonly ports: EnginePorts
  readonly broker: Broker
  readonly webhooks: Webhooks
  readonly inbox: EventIntake
  readonly demand: Demand
  readonly subscriptions: Subscriptions
}

/** What a plugin may ask of the agent. @returns the bridge, and what takes its subscriptions and webhooks away */
export function pluginBridge(
  service: string,
  parts: PluginBridgeParts,
  ended: ServiceBridge["ended"],
): { bridge: ServiceBridge; close(): void } {
  const { ports, broker, webhooks } = parts
  const log = ports.log.with({ service })
  const reporting = new Reporting(service)
  const closers = new Set<(forGood: boolean) => void>()
  const closing = (close: (forGood: boolean) => void) => {
    closers.add(close)
    // After the end of the run nothing is ended any more: the next run decides what is left over.
    return () => {
      if (closers.delete(close)) close(true)
    }
  }
  const bridge: ServiceBridge = {
    async emit(event, data, id, options) {
      // Not inside the step of the task that emits it: that comes before.
      await Promise.resolve()
      const patient = options?.patient ?? true
      const message = handling.getStore()
      const also = message?.qos === 2 ? { also: () => message.takeChanges() } : {}
      const incoming = { service, event, data, id: id ?? null }
      const accept = () => acceptOrKeep(parts.inbox, incoming, { patient, ...also })
      if (message !== undefined || !patient) await accept()
      else await reporting.run(accept)
    },
    log: (level, message, fields) => log[level](message, fields),
    storeGet: (key) => ports.store.get(TABLE.serviceStore, [service, key]) as Json | undefined,
    async storeSet(key, value) {
      const at = [service, key]
      if (value === undefined) return ports.store.write([{ remove: TABLE.serviceStore, key: at }])
      const isNew = ports.store.get(TABLE.serviceStore, at) === undefined
      if (isNew && ports.store.count(TABLE.serviceStore, { prefix: [service] }) >= SERVICE_STORE_KEYS_MAX) {
        throw new RegistryError(
          { code: "SERVICE_STORE_FULL", service },
          `service "${service}" keeps ${SERVICE_STORE_KEYS_MAX} values already`,
          {
            remedy: "remove values it no longer needs",
          },
        )
      }
      return ports.store.write([{ put: TABLE.serviceStore, key: at, value }])
    },
    async publish(topic, payload, { qos, retain }) {
      if (isAgents(topic)) {
        throw new RegistryError(
          { code: "TOPIC_REFUSED", service, topic },
          `service "${service}" may not publish to ${topic}: it belongs to the agent`,
          { remedy: "report an event with emit; other topics are free" },
        )
      }
      await broker.publish({ topic, payload, qos, retain })
    },
    subscribe: (filter, handler, event) => {
      const open = () =>
        parts.subscriptions.add(filter, (message) => {
          // What other services and the agent say to each other is not for a service, whatever it subscribed to.
          if (isAgents(message.topic)) return
          const call = () => handler(message.topic, message.payload, { qos: message.qos, retained: message.replayed })
          return handling.run(message, call)
        })
      return closing(event === null ? open() : whileUsed(parts.demand, service, event, open))
    },
    webhook: (path, handler) => closing(webhooks.add(path, service, handler)),
    ended,
  }
  return {
    bridge,
    close: () => {
      for (const close of closers) close(false)
      closers.clear()
    },
  }
}

/** Events that a service reports by itself: nobody else bounds how many wait for room. */
class Reporting {
  readonly #service: string
  #open = 0

  constructor(service: string) {
    this.#service = service
  }

  /** @throws EventError OVERLOADED */
  async run(accept: () => Promise<unknown>): Promise<void> {
    if (this.#open >= SERVICE_EVENTS_WAITING_MAX) {
      throw overloaded(`${SERVICE_EVENTS_WAITING_MAX} events of service "${this.#service}" wait for room`)
    }
    this.#open++
    try {
      await accept()
    } finally {
      this.#open--
    }
  }
}

/** Manifests, tasks, results, feed, `$SYS`: what clients get by rights of their own, and services through the bridge. */
function isAgents(topic: string): boolean {
  return topic.startsWith("$") || topic === TOPIC_ROOT || topic.startsWith(`${TOPIC_ROOT}/`)
}

/** A subscription that is there only while some application uses the event. @returns ends it */
function whileUsed(
  demand: Demand,
  service: string,
  event: string,
  open: () => (forGood: boolean) => void,
): (forGood: boolean) => void {
  let close: ((forGood: boolean) => void) | null = null
  const stop = demand.watch(service, event, (used) => {
    close?.(true)
    close = used ? open() : null
  })
  return (forGood) => {
    stop()
    close?.(forGood)
  }
}
