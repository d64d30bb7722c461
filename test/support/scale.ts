/**
 * How much of a heavy test to run: CI_SCALE is `small` (the default) or `full`.
 * A test is never skipped for its size, only made smaller.
 */
export function scaled(small: number, full: number): number {
  const scale = process.env["CI_SCALE"] ?? "small"
  if (scale !== "small" && scale !== "full") throw new Error(`CI_SCALE is small or full, not ${scale}`)
  return scale === "full" ? full : small
}
