import type { Clock } from "../ports/clock.ts"
import type { Expressions } from "../ports/expressions.ts"
import type { Keys } from "../ports/keys.ts"
import type { Log } from "../ports/log.ts"
import type { Metrics } from "../ports/metrics.ts"
import type { Random } from "../ports/random.ts"
import type { Store } from "../ports/store.ts"

/** The ports that every part of the engine stands on. */
export interface EnginePorts {
  readonly clock: Clock
  readonly random: Random
  readonly store: Store
  readonly keys: Keys
  readonly expressions: Expressions
  readonly log: Log
  readonly metrics: Metrics
}
