export interface Clock {
  /** ms since epoch, whole; never goes back, not even over restarts of one home. Workflow time. */
  now(): number
  /** The machine's own wall clock, which may jump: for showing and for calendars only. */
  wall(): number
  /** ms of an arbitrary origin, monotone, for measuring. */
  elapsed(): number
  /** Runs `action` once, at or soon after `now()` reaches `atMs`. @returns cancels it */
  schedule(atMs: number, action: () => void): () => void
}
