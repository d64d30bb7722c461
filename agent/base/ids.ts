/** Branded ids: a string of one kind cannot be passed where another kind is meant. */
declare const brand: unique symbol
export type Branded<Name extends string> = string & { readonly [brand]: Name }

/** `[a-z][a-z0-9-]{0,62}`, unique on one Core. */
export type ServiceId = Branded<"ServiceId">
/** `[a-z][a-z0-9-]*`, unique on one Core. */
export type ApplicationName = Branded<"ApplicationName">
/** `ex_` and 26 lower-case base-32 digits that sort by time of creation. */
export type ExecutionId = Branded<"ExecutionId">
/** `<execution id>.<task name>`: the same over every retry, the plugin's idempotency key. */
export type TaskExecutionId = Branded<"TaskExecutionId">

/** Stands where an execution names its application, for a task that was called outside any: no application has this name. */
export const CALLED = "call"

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
const PAIRS = DIGITS.split("").flatMap((high) => DIGITS.split("").map((low) => high + low))

/**
 * An id that sorts by time, then by its random part.
 * @param prefix such as `ex`
 * @param timeMs ms since epoch, 0..2^48-1
 * @param entropy at least 10 random bytes
 * @returns `prefix_` and 26 base-32 digits (10 of time, 16 of entropy)
 */
export function sortableId(prefix: string, timeMs: number, entropy: Uint8Array): string {
  let time = ""
  for (let rest = Math.floor(timeMs), i = 0; i < 5; i++) {
    time = PAIRS[rest % 1024]! + time
    rest = Math.floor(rest / 1024)
  }
  let random = ""
  for (let i = 0; i < 10; i += 5) {
    const high = entropy[i]! * 4096 + entropy[i + 1]! * 16 + (entropy[i + 2]! >> 4)
    const low = (entropy[i + 2]! & 15) * 65536 + entropy[i + 3]! * 256 + entropy[i + 4]!
    random += base32(high) + base32(low)
  }
  return `${prefix}_${time}${random}`
}

/** @param value 0..2^20-1 @returns its four base-32 digits */
function base32(value: number): string {
  return PAIRS[value >> 10]! + PAIRS[value & 1023]!
}

/** The idempotency key of one task of one execution. */
export function taskExecutionId(execution: ExecutionId, task: string): TaskExecutionId {
  return `${execution}.${task}` as TaskExecutionId
}
