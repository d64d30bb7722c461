import type { Log } from "../../ports/log.ts"
import type { Counters } from "./counters.ts"
import type { Outputs } from "./output.ts"
import type { Publication } from "./publication.ts"
import type { Refusals } from "./refusals.ts"
import type { Router } from "./router.ts"
import type { SessionStore } from "./session-store.ts"

/** What the packets of a client need of the broker. */
export interface Floor {
  readonly router: Router
  readonly sessions: SessionStore
  readonly outputs: Outputs
  readonly refusals: Refusals
  readonly counters: Counters
  readonly log: Log
  readonly packetBytesMax: number
  /** ms, monotone; as of the last sweep, so that a packet costs no look at the clock. */
  readonly nowMs: number
  /** Whether publishers must wait. */
  readonly holding: boolean
  /** What a new subscription gets at once [MQTT-3.3.1-6]. */
  retainedFor(filter: string): Iterator<Publication>
}
