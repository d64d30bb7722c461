import { fromUtf8, utf8 } from "../../base/bytes.ts"
import { EVENT_ID_LENGTH_MAX, MANIFEST_BYTES_MAX, SERVICE_REFUSALS_KEPT_MAX } from "../../base/limits.ts"
import { Said } from "../../base/said.ts"
import type { TaskExecutionId } from "../../base/ids.ts"
import type { Broker, IncomingMessage } from "../../ports/broker.ts"
import type { Log } from "../../ports/log.ts"
import { type ParsedJson, parseJson } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { checkManifest } from "../../schema/manifest-check.ts"
import { type ServiceAnswer, ServiceAnswerSchema, serviceTopic, TOPIC_ROOT } from "../../schema/service-message.ts"
import * as v from "valibot"
import { EventError } from "../events/error.ts"
import { acceptOrKeep, type EventIntake } from "../events/incoming.ts"

export interface MqttBridgeParts {
  readonly broker: Broker
  readonly log: Log
  readonly inbox: EventIntake
  /** @param clientId who said so just now, null where it was said before */
  register(manifest: Manifest, clientId: string | null): void
  unregister(service: string): void
  isHosted(service: string): boolean
  /** A client said something in the service's name just now. */
  heard(service: string, clientId: string): void
  /** Records a task's answer. Resolves when it is durable. */
  answer(service: string, execution: TaskExecutionId, answer: ServiceAnswer): Promise<void>
}

/** The bridge of the paper's Services over MQTT: `mesg/v1/<service>/…`. See docs/spec/service.md#topics */
export function bridgeMqtt(parts: MqttBridgeParts): () => void {
  const { broker } = parts
  const said = new Said(SERVICE_REFUSALS_KEPT_MAX)
  const stops = [
    broker.subscribe(`${TOPIC_ROOT}/+/manifest`, (message) => takeManifest(parts, message, said)),
    broker.subscribe(`${TOPIC_ROOT}/+/event/#`, (message) => takeEvent(parts, message)),
    broker.subscribe(`${TOPIC_ROOT}/+/result/+`, (message) => takeAnswer(parts, message)),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

async function takeManifest(parts: MqttBridgeParts, message: IncomingMessage, said: Said): Promise<void> {
  const { topic, payload, replayed, from } = message
  const service = topic.split("/")[2]!
  // Kept from before it was installed on this Core.
  if (parts.isHosted(service)) return
  if (payload.length === 0) {
    parts.unregister(service)
    return say(parts.broker, service, "")
  }
  const reason = register(parts, service, payload, replayed ? null : from.clientId)
  // A service that tries the same again and again is named once.
  if (reason !== null && said.isNews(service, reason)) {
    parts.log.warn("a service that announced itself over MQTT was refused", {
      code: "MANIFEST_INVALID",
      service,
      client: from.clientId,
      reason,
      remedy: "correct its manifest",
    })
  }
  return say(parts.broker, service, reason ?? "ok")
}

/** @returns why it is refused, null where it is registered now */
function register(
  parts: MqttBridgeParts,
  service: string,
  payload: Uint8Array,
  clientId: string | null,
): string | null {
  if (payload.length > MANIFEST_BYTES_MAX) return `the manifest is larger than ${MANIFEST_BYTES_MAX} bytes`
  const document = parsePayload(payload)
  if (!document.ok) return `the manifest is no JSON: ${document.message}`
  const checked = checkManifest(document.value)
  if (!checked.ok)
    return checked.issues.map(({ path, message }) => `${path.join(".") || "manifest"}: ${message}`).join("; ")
  if (checked.manifest.id !== service) return `the manifest says id "${checked.manifest.id}", the topic "${service}"`
  parts.register(checked.manifest, clientId)
  return null
}

function say(broker: Broker, service: string, verdict: string): Promise<void> {
  return broker.publish({ topic: serviceTopic.status(service), payload: utf8(verdict), qos: 1, retain: true })
}

async function takeEvent({ inbox, log, heard }: MqttBridgeParts, message: IncomingMessage): Promise<void> {
  // A retained event has been taken when it was published.
  if (message.replayed) return
  const [, , service, , event = "", id, ...more] = message.topic.split("/") as [string, string, string, ...string[]]
  heard(service, message.from.clientId)
  if (more.length > 0) {
    const rest = [id, ...more].join("/").slice(0, EVENT_ID_LENGTH_MAX)
    const reason = `an event's topic is ${serviceTopic.event(service, "<event>")} or ${serviceTopic.event(service, "<event>/<id>")}: an id is one level`
    return inbox.keepRefused("EVENT_ID_INVALID", service, event, rest, reason)
  }
  const document = parsePayload(message.payload)
  try {
    if (!document.ok)
      await inbox.refuse("EVENT_DATA_INVALID", service, event, id ?? null, `the data ${whyNot(document)}`)
    else {
      const incoming = { service, event, data: document.value, id: id ?? null }
      await acceptOrKeep(inbox, incoming, { patient: true, also: () => message.takeChanges() })
    }
  } catch (error) {
    // Refused for good: recorded with the reason, acknowledged, not sent again.
    if (!(error instanceof EventError) || error.code === "OVERLOADED") throw error
    const { code } = error
    if (code === "UNKNOWN_SERVICE" || code === "UNKNOWN_EVENT") {
      await inbox.keepRefused(code, service, event, id ?? null, error.message)
    }
    log.debug("an event was refused", { service, event, code: error.code, reason: error.message })
  }
}

async function takeAnswer(parts: MqttBridgeParts, message: IncomingMessage): Promise<void> {
  if (message.replayed) return
  const [, , service, , execution] = message.topic.split("/") as [string, string, string, string, string]
  parts.heard(service, message.from.clientId)
  const document = parsePayload(message.payload)
  const answer = document.ok ? v.safeParse(ServiceAnswerSchema, document.value) : null
  const why = document.ok ? "is neither {status, data} nor {error: {code, message}}" : whyNot(document)
  const invalid = { error: { code: "RESULT_INVALID", message: `the answer ${why}` } }
  await parts.answer(service, execution as TaskExecutionId, answer?.success ? answer.output : invalid)
}

function parsePayload(payload: Uint8Array): ParsedJson {
  const text = fromUtf8(payload)
  return text === null ? { ok: false, why: "syntax", message: "invalid UTF-8" } : parseJson(text)
}

function whyNot({ why, message }: ParsedJson & { ok: false }): string {
  return why === "syntax" ? `is no JSON: ${message}` : `cannot be taken as it is: ${message}`
}
