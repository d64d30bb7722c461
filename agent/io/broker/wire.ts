import { fromUtf8 } from "../../base/bytes.ts"
import { malformed } from "./error.ts"

/** Control packet types, MQTT 3.1.1 table 2.1. */
export const CONNECT = 1
export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export const SUBSCRIBE = 8
export const SUBACK = 9
export const UNSUBSCRIBE = 10
export const UNSUBACK = 11
export const PINGREQ = 12
export const PINGRESP = 13
export const DISCONNECT = 14

/** Return code of SUBACK for a refused filter. */
export const SUBACK_FAILURE = 0x80

export const PINGRESP_BYTES = Buffer.from([PINGRESP << 4, 0])

const CONTROL = /[\u0001-\u001f\u007f-\u009f]/

export type Qos = 0 | 1 | 2

/** A text at `at`: two bytes of length and UTF-8. @returns the text and where it ends @throws ProtocolError */
export function readText(bytes: Buffer, at: number, end: number): { text: string; end: number } {
  const field = readField(bytes, at, end)
  const text = fromUtf8(bytes.subarray(field.start, field.end))
  if (text === null) throw malformed("MQTT-1.5.3-1", "a text is not valid UTF-8")
  if (text.includes("\0")) throw malformed("MQTT-1.5.3-2", "a text holds the character U+0000")
  // Section 1.5.3: a receiver may close on control characters. They serve nobody, and are a way to fool a log.
  if (CONTROL.test(text)) throw malformed("MQTT-1.5.3", "a text holds control characters")
  return { text, end: field.end }
}

/** Bytes at `at` behind two bytes of length. @throws ProtocolError */
export function readField(bytes: Buffer, at: number, end: number): { start: number; end: number } {
  if (at + 2 > end) throw malformed("MQTT-1.5.3", "a packet ends inside a field")
  const stop = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!)
  if (stop > end) throw malformed("MQTT-1.5.3", "a field is longer than its packet")
  return { start: at + 2, end: stop }
}

/** @returns the packet identifier at `at`, 1..65535 @throws ProtocolError */
export function readPacketId(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) throw malformed("MQTT-2.3.1-1", "a packet without its identifier")
  const id = (bytes[at]! << 8) | bytes[at + 1]!
  if (id === 0) throw malformed("MQTT-2.3.1-1", "the packet identifier 0")
  return id
}

export interface EncodedPublish {
  readonly bytes: Buffer
  /** Where the packet identifier stands; -1 for QoS 0, which has none. */
  readonly packetIdAt: number
}

/** A PUBLISH packet; with QoS 1 and 2 its identifier is left 0 and set for each receiver. */
export function encodePublish(topic: Uint8Array, payload: Uint8Array, qos: Qos, retain: boolean): EncodedPublish {
  const idBytes = qos === 0 ? 0 : 2
  const length = 2 + topic.length + idBytes + payload.length
  const lengthBytes = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4
  const bytes = Buffer.allocUnsafe(1 + lengthBytes + length)
  bytes[0] = (PUBLISH << 4) | (qos << 1) | (retain ? 1 : 0)
  let at = writeLength(bytes, 1, length)
  at = bytes.writeUInt16BE(topic.length, at)
  bytes.set(topic, at)
  at += topic.length
  const packetIdAt = qos === 0 ? -1 : at
  if (qos !== 0) at = bytes.writeUInt16BE(0, at)
  bytes.set(payload, at)
  return { bytes, packetIdAt }
}

export function encodeSuback(packetId: number, codes: readonly number[]): Buffer {
  const length = 2 + codes.length
  const bytes = Buffer.allocUnsafe(length + (length < 128 ? 2 : length < 16_384 ? 3 : 4))
  bytes[0] = SUBACK << 4
  let at = writeLength(bytes, 1, length)
  at = bytes.writeUInt16BE(packetId, at)
  for (const code of codes) bytes[at++] = code
  return bytes
}

/** @returns where the field ends */
function writeLength(bytes: Buffer, at: number, length: number): number {
  let rest = length
  let end = at
  do {
    const digit = rest % 128
    rest = (rest - digit) / 128
    bytes[end++] = rest > 0 ? digit | 128 : digit
  } while (rest > 0)
  return end
}
