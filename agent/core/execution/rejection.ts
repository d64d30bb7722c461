/** Why an input changed nothing. Expected: late results, repeated timers, events that came too late. */
export type RejectionCode =
  | "EXECUTION_ENDED"
  | "EXECUTION_HELD"
  | "EXECUTION_EXISTS"
  | "TASK_UNKNOWN"
  | "TASK_NOT_STARTED"
  | "TASK_ENDED"
  | "INPUT_OUT_OF_TURN"
