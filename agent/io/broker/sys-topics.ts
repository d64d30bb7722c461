import type { Counters } from "./counters.ts"

/** What `$SYS` tells beside the counters. */
export interface SysFacts {
  readonly version: string
  readonly uptimeS: number
  readonly connected: number
  readonly disconnected: number
  readonly retained: number
  readonly subscriptions: number
  readonly queuedBytes: number
}

/** Topic and text of every `$SYS` message, named as mosquitto names them. */
export function sysMessages(facts: SysFacts, counters: Counters): ReadonlyMap<string, string> {
  const values: Record<string, string | number> = {
    version: `mesg ${facts.version}`,
    uptime: `${facts.uptimeS} seconds`,
    "clients/connected": facts.connected,
    "clients/disconnected": facts.disconnected,
    "clients/total": facts.connected + facts.disconnected,
    "clients/maximum": counters.clientsMaximum,
    "messages/received": counters.messagesReceived,
    "messages/sent": counters.messagesSent + counters.publishSent,
    "publish/messages/received": counters.publishReceived,
    "publish/messages/sent": counters.publishSent,
    "publish/messages/dropped": counters.publishDropped,
    "bytes/received": counters.bytesReceived,
    "bytes/sent": counters.bytesSent,
    "retained messages/count": facts.retained,
    "subscriptions/count": facts.subscriptions,
    "store/messages/bytes": facts.queuedBytes,
  }
  return new Map(Object.entries(values).map(([name, value]) => [`$SYS/broker/${name}`, String(value)]))
}
