/** Waits, at most until the signal aborts. Never rejects: who goes on looks at the signal. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = () => {
    clearTimeout(timer)
    signal?.removeEventListener("abort", end)
    resolve()
  }
  const timer = setTimeout(end, ms)
  signal?.addEventListener("abort", end)
  if (signal?.aborted) end()
  return promise
}
