import type { Entry } from "../../ports/store.ts"
import { encodePublish, type EncodedPublish, type Qos } from "./wire.ts"

/**
 * Records of the tables `mqtt*` (schema/tables.ts). They are packets as aedes-persistence knows them with `v` added, so
 * that what one side wrote the other can read.
 */
export interface OutgoingRecord {
  readonly v: 1
  readonly cmd: "publish" | "pubrel"
  readonly messageId?: number
  readonly topic?: string
  readonly payload?: Uint8Array
  readonly qos?: Qos
  readonly retain?: boolean
}

export interface SessionRecord {
  readonly v: 1
  readonly sentSeq: number
  /** Name of the principal whose session it is. */
  readonly owner?: string
}

export interface SubscriptionRecord {
  readonly v: 1
  readonly qos: Qos
}

export interface RetainedRecord {
  readonly v: 1
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  /** Name of the principal who published it. */
  readonly owner?: string
}

export interface WillRecord {
  readonly v: 1
  readonly clientId: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  /** Who set it: the rights it is published with after a crash. */
  readonly principal?: { name: string; publish: readonly string[]; subscribe: readonly string[] }
}

/** What is written for a message in a queue. */
export function outgoingRecord(
  message: { topic: string; payload: Uint8Array; retain: boolean },
  qos: Qos,
  messageId: number,
): OutgoingRecord {
  const { topic, payload, retain } = message
  return { v: 1, cmd: "publish", messageId, topic, payload, qos, retain }
}

/** A stored message as Session.restore takes it; null for what is not a QoS 1 or 2 message with an identifier. */
export function restoredOutgoing(entry: Entry): {
  seq: number
  packetId: number
  topic: string
  qos: 1 | 2
  retain: boolean
  frame: EncodedPublish | null
} | null {
  const record = entry.value as OutgoingRecord
  const seq = entry.key[1] as number
  const packetId = record.messageId ?? 0
  if (packetId === 0) return null
  if (record.cmd === "pubrel") return { seq, packetId, topic: "", qos: 2, retain: false, frame: null }
  const { topic, payload, qos, retain } = record
  if (topic === undefined || payload === undefined || (qos !== 1 && qos !== 2)) return null
  const frame = encodePublish(Buffer.from(topic), payload, qos, false)
  return { seq, packetId, topic, qos, retain: retain === true, frame }
}
