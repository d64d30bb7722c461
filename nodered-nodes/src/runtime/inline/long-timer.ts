/** The longest time that a timer of Node.js can wait. */
const STEP_MS_MAX = 2_147_483_647

/** Calls back after any time, also one of months. @returns ends it */
export function after(ms: number, call: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (rest: number) => {
    const step = Math.min(rest, STEP_MS_MAX)
    timer = setTimeout(() => (rest > step ? wait(rest - step) : call()), step)
  }
  wait(ms)
  return () => clearTimeout(timer)
}
