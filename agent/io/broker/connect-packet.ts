import { MQTT_CLIENT_ID_LENGTH_MAX, MQTT_TOPIC_LENGTH_MAX, MQTT_TOPIC_LEVELS_MAX } from "../../base/limits.ts"
import { isTopicName } from "../../base/topic.ts"
import { malformed } from "./error.ts"
import { CONNACK, readField, readText } from "./wire.ts"

/** What the guard learns from a CONNECT that it lets pass; aedes parses it again and acts on it. */
export interface ConnectFacts {
  readonly version: 3 | 4
  readonly clientId: string
  readonly clean: boolean
  readonly keepaliveS: number
}

export type ConnectVerdict =
  | { readonly kind: "pass"; readonly facts: ConnectFacts }
  /** Answered with these bytes, then closed. */
  | { readonly kind: "refuse"; readonly answer: Buffer; readonly reason: string }

const UNACCEPTABLE_VERSION = Buffer.from([CONNACK << 4, 2, 0, 1])
const IDENTIFIER_REJECTED = Buffer.from([CONNACK << 4, 2, 0, 2])
/** MQTT 5: reason 0x84, unsupported protocol version, no properties. Clients then fall back to 3.1.1. */
const UNSUPPORTED_VERSION_5 = Buffer.from([CONNACK << 4, 3, 0, 0x84, 0])

/**
 * Checks the body of a CONNECT against MQTT 3.1.1 section 3.1.
 * @throws ProtocolError where the connection must be closed without an answer
 */
export function checkConnect(bytes: Buffer, start: number, end: number): ConnectVerdict {
  const name = readText(bytes, start, end)
  if (name.end + 4 > end) throw malformed("MQTT-3.1.2", "CONNECT ends inside its variable header")
  const level = bytes[name.end]!
  if (name.text === "MQTT" && level === 5) return refuse(UNSUPPORTED_VERSION_5, "the client speaks MQTT 5")
  const version = name.text === "MQTT" && level === 4 ? 4 : name.text === "MQIsdp" && level === 3 ? 3 : null
  if (version === null) {
    if (name.text !== "MQTT" && name.text !== "MQIsdp") throw malformed("MQTT-3.1.2-1", "an unknown protocol name")
    return refuse(UNACCEPTABLE_VERSION, `the client speaks protocol level ${level}`)
  }
  const flags = bytes[name.end + 1]!
  checkFlags(flags)
  const clean = (flags & 2) !== 0
  const keepaliveS = bytes.readUInt16BE(name.end + 2)
  const clientId = readText(bytes, name.end + 4, end)
  let at = clientId.end
  if (flags & 4) {
    const topic = readText(bytes, at, end)
    if (!isTopicName(topic.text)) throw malformed("MQTT-3.1.3-10", "the will's topic is no topic name")
    if (topic.end - at - 2 > MQTT_TOPIC_LENGTH_MAX || topic.text.split("/").length > MQTT_TOPIC_LEVELS_MAX)
      throw malformed("MQTT_TOPIC_LENGTH_MAX", "the will's topic is too long")
    at = readField(bytes, topic.end, end).end
  }
  if (flags & 0x80) at = readText(bytes, at, end).end
  if (flags & 0x40) at = readField(bytes, at, end).end
  if (at !== end) throw malformed("MQTT-3.1.3-1", "CONNECT holds more than its flags announce")
  const idBytes = clientId.end - name.end - 6
  if (idBytes > MQTT_CLIENT_ID_LENGTH_MAX) return refuse(IDENTIFIER_REJECTED, "the client id is too long")
  if (idBytes === 0 && (!clean || version === 3))
    return refuse(IDENTIFIER_REJECTED, "an empty client id needs a clean session")
  return { kind: "pass", facts: { version, clientId: clientId.text, clean, keepaliveS } }
}

function checkFlags(flags: number): void {
  if (flags & 1) throw malformed("MQTT-3.1.2-3", "the reserved flag of CONNECT is set")
  const willQos = (flags >> 3) & 3
  if (willQos === 3) throw malformed("MQTT-3.1.2-14", "the will has QoS 3")
  if (!(flags & 4) && flags & 0x38) throw malformed("MQTT-3.1.2-13", "will QoS or retain without a will")
  if (flags & 0x40 && !(flags & 0x80)) throw malformed("MQTT-3.1.2-22", "a password without a user name")
}

function refuse(answer: Buffer, reason: string): ConnectVerdict {
  return { kind: "refuse", answer, reason }
}
