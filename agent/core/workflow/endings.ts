/** A status of a task, by its index. */
export interface Edge {
  readonly task: number
  readonly status: string
}

/** Which tasks have ended for certain when a task starts, each with its status; null where it may be any. */
export type Endings = ReadonlyMap<number, string | null>

/** Why a task can never start: one task would have to end in two statuses. */
export interface Contradiction {
  readonly task: number
  readonly statuses: readonly [string, string]
}

/** What is known of the past of each task, from the graph alone. */
export interface Past {
  readonly endings: readonly Endings[]
  /** What each way to a task's start stands for: one with a join `all`, one for each status with `any`. */
  readonly ways: readonly (readonly Endings[])[]
  readonly contradictions: readonly (Contradiction | null)[]
}

/**
 * What must have happened before each task starts: with a join `all` everything that its parents stand for, with `any`
 * what they have in common. The graph must have no cycle.
 */
export function pastOf(follows: readonly (readonly Edge[])[], joins: readonly ("all" | "any")[]): Past {
  const endings: Endings[] = []
  const ways: (readonly Endings[])[] = []
  const contradictions: (Contradiction | null)[] = follows.map(() => null)
  const know = (task: number): Endings => {
    const known = endings[task]
    if (known !== undefined) return known
    const pasts = follows[task]!.map((edge) => after(know(edge.task), edge))
    const isAny = joins[task] === "any"
    const { past, contradiction } = isAny ? { past: common(pasts), contradiction: null } : joined(pasts)
    endings[task] = past
    ways[task] = isAny ? pasts : [past]
    contradictions[task] = contradiction
    return past
  }
  follows.forEach((_, task) => know(task))
  return { endings, ways, contradictions }
}

/** What has ended once the edge's status is there. */
export function after(past: Endings, { task, status }: Edge): Endings {
  return new Map([...past, [task, status]])
}

function joined(pasts: readonly Endings[]): { past: Endings; contradiction: Contradiction | null } {
  const past = new Map<number, string | null>()
  let contradiction: Contradiction | null = null
  for (const [task, status] of pasts.flatMap((one) => [...one])) {
    const known = past.get(task) ?? null
    if (known !== null && status !== null && known !== status) {
      contradiction ??= { task, statuses: [known, status] }
    }
    past.set(task, known ?? status)
  }
  return { past, contradiction }
}

function common(pasts: readonly Endings[]): Endings {
  const [first, ...others] = pasts
  const past = new Map<number, string | null>()
  for (const [task, status] of first ?? []) {
    if (others.every((other) => other.has(task))) {
      past.set(task, others.every((other) => other.get(task) === status) ? status : null)
    }
  }
  return past
}

/** Whether a task has ended when another one starts: for certain, perhaps, or never. */
export type Ended = "certain" | "perhaps" | "never"

/** @param past what has ended for certain there @param self the task that starts, null for an output */
export function whetherEnded(task: number, past: Endings, self: number | null, known: Past): Ended {
  if (past.has(task)) return "certain"
  if (task === self || known.contradictions[task] !== null) return "never"
  // A task behind this one may have another way, on which it comes first.
  const isOpen = (way: Endings) => !(self !== null && way.has(self)) && !excludes(past, way)
  return known.ways[task]!.some(isOpen) ? "perhaps" : "never"
}

/** Whether one task would have to have ended in two statuses. */
function excludes(past: Endings, way: Endings): boolean {
  return [...way].some(([task, status]) => {
    const here = past.get(task) ?? null
    return status !== null && here !== null && here !== status
  })
}
