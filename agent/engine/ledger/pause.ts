import type { Clock } from "../../ports/clock.ts"

/** Resolves after so long, when the signal aborts or when `until` does: whatever comes first. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal, until?: Promise<void>): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = () => resolve()
  const cancel = clock.schedule(clock.now() + ms, end)
  signal.addEventListener("abort", end)
  await (until === undefined ? promise : Promise.race([promise, until]))
  cancel()
  signal.removeEventListener("abort", end)
}
