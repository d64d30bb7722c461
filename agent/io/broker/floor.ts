import type { Log } from "../../ports/log.ts"
import type { Connection } from "./connection.ts"
import type { Counters } from "./counters.ts"
import type { Outputs } from "./output.ts"
import type { Publication } from "./publication.ts"
import type { Router } from "./router.ts"
import type { SessionStore } from "./session-store.ts"

/** What a connection needs of the broker it belongs to. */
export interface Floor {
  readonly router: Router
  readonly sessions: SessionStore
  readonly outputs: Outputs
  readonly counters: Counters
  readonly log: Log
  readonly packetBytesMax: number
  /** ms, monotone; as of the last sweep, so that a packet costs no look at the clock. */
  readonly nowMs: number
  /** Whether publishers must wait. */
  readonly holding: boolean
  /** Connections that wait for `holding` to end. */
  readonly held: Set<Connection>
  /** A CONNECT that passed the guard. */
  connect(connection: Connection, packet: Buffer): void
  /** The client sent DISCONNECT. */
  leaving(connection: Connection, packet: Buffer): void
  /** The connection ended in any other way. */
  gone(connection: Connection): void
  /** A message that its publisher had no right to. */
  refused(clientId: string, topic: string): void
  /** What a new subscription gets at once [MQTT-3.3.1-6]. */
  retainedFor(filter: string): Iterator<Publication>
}
