const PAIRS_MAX = 4096

/** By its first part, then by its second. */
let known = new Map<string, Map<string, string>>()
let count = 0

/**
 * `first/second`, put together once: names of what happens all the time, as (service, event) or (application, workflow).
 * Made anew each time such a name would cost more, in its text and in its hash, than the look-up that it is for.
 */
export function joined(first: string, second: string): string {
  const names = known.get(first)
  return names?.get(second) ?? keep(first, second, names)
}

function keep(first: string, second: string, names = new Map<string, string>()): string {
  // All at once: cheaper than keeping order of use, and rare.
  if (count++ >= PAIRS_MAX) {
    known = new Map()
    count = 0
  }
  const name = `${first}/${second}`
  known.set(first, names.set(second, name))
  return name
}
