/** Pure questions about the graph of tasks. A graph lists, per task, the tasks that it follows. */
export type Follows = readonly (readonly number[])[]

/** @returns per task the tasks that follow it, each once */
export function followersOf(follows: Follows): number[][] {
  const followers: number[][] = follows.map(() => [])
  follows.forEach((parents, task) => {
    for (const parent of new Set(parents)) followers[parent]!.push(task)
  })
  return followers
}

/** @returns all tasks that can be reached from `task` along the followers, without itself unless it lies on a cycle */
export function reachableFrom(followers: readonly (readonly number[])[], task: number): Set<number> {
  const seen = new Set<number>()
  const open = [...followers[task]!]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    open.push(...followers[next]!)
  }
  return seen
}

/** @returns the tasks that can reach themselves */
export function tasksOnCycles(followers: readonly (readonly number[])[]): number[] {
  return followers.map((_, task) => task).filter((task) => reachableFrom(followers, task).has(task))
}

/**
 * How many paths lead from `first` to a task that nothing follows, without walking them.
 * The graph must have no cycle.
 */
export function countPaths(followers: readonly (readonly number[])[], first: number): number {
  const known = new Map<number, number>()
  const open = [first]
  while (open.length > 0) {
    const task = open.at(-1)!
    const next = followers[task]!
    const missing = next.filter((follower) => !known.has(follower))
    if (missing.length > 0) {
      open.push(...missing)
      continue
    }
    known.set(task, next.length === 0 ? 1 : next.reduce((sum, follower) => sum + known.get(follower)!, 0))
    open.pop()
  }
  return known.get(first)!
}

/** @returns every path from `first` to a task that nothing follows; the caller has bounded their number by countPaths */
export function pathsFrom(followers: readonly (readonly number[])[], first: number): number[][] {
  const paths: number[][] = []
  const walk = (path: readonly number[]) => {
    const next = followers[path.at(-1)!]!
    if (next.length === 0) paths.push([...path])
    for (const follower of next) walk([...path, follower])
  }
  walk([first])
  return paths
}
