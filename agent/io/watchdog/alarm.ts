/** Ends the process when it is not set again in time. */
export interface Alarm {
  /** Put off until the stall time from now. */
  set(): void
  stop(): Promise<void> | void
}
