import type { ApplicationWorkflow } from "../../schema/application.ts"
import { afterOf } from "./compile.ts"
import type { Edge } from "./endings.ts"
import { followersOf } from "./graph.ts"
import { type Refuse, useInstead } from "./refuse.ts"
import type { Unsound } from "./sound.ts"
import { pointerToken } from "./template.ts"

/** The tasks of a workflow and how statuses connect them, by index. */
export interface Connections {
  readonly names: readonly string[]
  /** Per task the statuses it follows. */
  readonly follows: readonly (readonly Edge[])[]
  /** Per task the tasks that follow it. */
  readonly followers: readonly (readonly number[])[]
  /** Null where no single first task was found. */
  readonly first: number | null
  /** `<task>.<status>` of every status that some task follows. */
  readonly followed: ReadonlySet<string>
}

/**
 * Checks who follows whom. Paper, Rules 1 and 2; codes R1_FIRST_TASK, R2_STATUS, UNKNOWN_TASK, DUPLICATE, JOIN_NEVER.
 * Whether a status is declared is checked in references.ts.
 * @returns null where a connection names a task that is not there, so that the graph cannot be judged
 */
export function connectionsOf(
  workflow: ApplicationWorkflow,
  at: string,
  unsound: Unsound,
  refuse: Refuse,
): Connections | null {
  const names = Object.keys(workflow.tasks)
  const indexOf = new Map(names.map((name, index) => [name, index]))
  const followed = new Set<string>()
  let whole = !unsound.graphs.has(at)
  const follows = names.map((name) => {
    const task = workflow.tasks[name]!
    const path = `${at}/tasks/${pointerToken(name)}/after`
    const edges = afterOf(task)
    const seen = new Set<string>()
    const parents: Edge[] = []
    edges.forEach((edge, i) => {
      const here = Array.isArray(task.after) ? `${path}/${i}` : path
      const text = `${edge.task}.${edge.status}`
      const parent = indexOf.get(edge.task)
      if (edge.status === "" || edge.task === "") {
        refuse(
          "R2_STATUS",
          here,
          `"${edge.task}" names no status`,
          "a later task follows a status: write <task>.<status>",
        )
        whole = false
      } else if (parent === undefined) {
        whole = false
        if (unsound.lost.has(`${at}/tasks/${pointerToken(edge.task)}`)) return
        refuse(
          "UNKNOWN_TASK",
          here,
          `there is no task "${edge.task}" in this workflow`,
          useInstead(edge.task, names, "add the task"),
        )
      } else {
        if (seen.has(text)) refuse("DUPLICATE", here, `"${text}" stands twice`, "name each status once")
        else if (task.join === "all" && parents.some(({ task: one }) => one === parent)) {
          refuse(
            "JOIN_NEVER",
            here,
            `"${edge.task}" ends in one status only, so two of its statuses never come together`,
            "use `join: any`",
          )
        }
        parents.push({ task: parent, status: edge.status })
      }
      seen.add(text)
      followed.add(text)
    })
    return parents
  })
  const first = firstTask(workflow, names, at, unsound, refuse)
  if (!whole) return null
  const followers = followersOf(follows.map((edges) => edges.map(({ task }) => task)))
  return { names, follows, followers, first, followed }
}

/** Paper, Rules 1: exactly one first task, connected to the trigger and to nothing else. */
function firstTask(
  workflow: ApplicationWorkflow,
  names: readonly string[],
  at: string,
  unsound: Unsound,
  refuse: Refuse,
): number | null {
  const path = (name: string) => `${at}/tasks/${pointerToken(name)}`
  const unconnected = names.filter((name) => {
    const known = !unsound.paths.has(path(name)) && !unsound.paths.has(`${path(name)}/after`)
    return known && afterOf(workflow.tasks[name]!).length === 0
  })
  // A task that waits but follows no status was meant as a later one: Paper, Rules 2.
  const plain = unconnected.filter((name) => workflow.tasks[name]!.wait === undefined)
  const firsts = plain.length > 0 ? plain : unconnected
  for (const name of unconnected) {
    if (!firsts.includes(name)) {
      refuse(
        "R2_STATUS",
        path(name),
        `task "${name}" waits for an event but follows no status`,
        "add `after: <task>.<status>`",
      )
    }
  }
  if (firsts.length === 0) {
    if (unsound.graphs.has(at)) return null
    refuse("R1_FIRST_TASK", `${at}/tasks`, "no task follows the trigger", "leave `after` out of the first task")
    return null
  }
  for (const name of firsts.slice(1)) {
    refuse(
      "R1_FIRST_TASK",
      path(name),
      `"${firsts[0]}" and "${name}" both follow the trigger; exactly one task does`,
      `add \`after: ${firsts[0]}.<status>\` to "${name}"`,
    )
  }
  const [first] = firsts
  if (workflow.tasks[first!]!.wait !== undefined) {
    refuse(
      "R1_FIRST_TASK",
      `${path(first!)}/wait`,
      "the first task is connected to the trigger only and cannot wait",
      "move the wait to a later task",
    )
  }
  return firsts.length === 1 ? names.indexOf(first!) : null
}
