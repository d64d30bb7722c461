const LOOK_EVERY_MS = 50

/**
 * Looks until something holds that nothing tells of by itself: the state of another process.
 * @throws with what was waited for, when the time is over
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: string,
  everyMs = LOOK_EVERY_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
