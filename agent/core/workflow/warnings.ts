import type { ApplicationWorkflow, Warning } from "../../schema/application.ts"
import { type Catalogue } from "./compile.ts"
import type { Connections } from "./connections.ts"
import type { Past } from "./endings.ts"
import { declaredStatuses } from "./statuses.ts"
import { pointerToken } from "./template.ts"

/** Declared statuses that end a task others follow, and that none of them follows: probably forgotten. */
export function unhandledStatuses(
  workflow: ApplicationWorkflow,
  { names, followers, followed }: Connections,
  at: string,
  catalogue: Catalogue,
): Warning[] {
  return names.flatMap((name, task) => {
    if (followers[task]!.length === 0) return []
    return declaredStatuses(workflow.tasks[name]!.run, catalogue)
      .filter((status) => !followed.has(`${name}.${status}`))
      .map((status) => ({
        path: `${at}/tasks/${pointerToken(name)}`,
        message: `nobody handles status "${status}" of task "${name}"`,
      }))
  })
}

/** Tasks whose statuses exclude each other further up: they can never start. */
export function neverStarting({ names, follows }: Connections, { contradictions }: Past, at: string): Warning[] {
  return contradictions.flatMap((contradiction, task) => {
    // Where the two statuses stand in one `after`, JOIN_NEVER has refused it.
    const direct = follows[task]!.filter((edge) => edge.task === contradiction?.task).length > 1
    if (contradiction === null || direct) return []
    const [one, other] = contradiction.statuses.map((status) => `"${names[contradiction.task]}.${status}"`)
    return [
      {
        path: `${at}/tasks/${pointerToken(names[task]!)}/after`,
        message: `task "${names[task]}" never starts: it would need both ${one} and ${other}`,
      },
    ]
  })
}

/** Waits that may last for ever: the execution stays active until somebody cancels it. */
export function endlessWaits(workflow: ApplicationWorkflow, at: string): Warning[] {
  return Object.entries(workflow.tasks).flatMap(([name, { wait }]) =>
    wait === undefined || wait.timeout !== undefined
      ? []
      : [
          {
            path: `${at}/tasks/${pointerToken(name)}/wait`,
            message: `task "${name}" waits for "${wait.event}" without a timeout, for ever if it never comes`,
          },
        ],
  )
}
