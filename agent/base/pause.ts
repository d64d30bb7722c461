/**
 * Waits, at most until the signal aborts. Never rejects: who goes on looks at the signal.
 * @param keepsAlive false: a process that has nothing else to do ends meanwhile
 */
export function pause(ms: number, signal?: AbortSignal, keepsAlive = true): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = () => {
    clearTimeout(timer)
    signal?.removeEventListener("abort", end)
    resolve()
  }
  const timer = setTimeout(end, ms)
  if (!keepsAlive) timer.unref()
  signal?.addEventListener("abort", end)
  if (signal?.aborted) end()
  return promise
}
