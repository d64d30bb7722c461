import type { MessageHandler, Reserved } from "../../ports/broker.ts"
import type { Session } from "./session.ts"
import type { Qos } from "./wire.ts"

/** Who receives a topic, as long as no subscription and no right changes. */
export interface Route {
  readonly sessions: readonly Session[]
  /** The highest QoS each session may get it with, in the order of `sessions`. */
  readonly qos: readonly Qos[]
  readonly handlers: readonly MessageHandler[]
  /** Whether a session among them outlives its connection and gets more than QoS 0. */
  readonly durable: boolean
  /** Set where only the agent publishes. */
  readonly reserved: Reserved | null
}
