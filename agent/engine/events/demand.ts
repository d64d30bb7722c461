import type { WorkflowDefinition } from "../../core/workflow/definition.ts"

/** Which events some application uses, as its trigger or as one it waits for: nobody needs to report the others. */
export class Demand {
  #topics: ReadonlySet<string> = new Set()
  readonly #watchers = new Set<() => void>()

  /** @param definitions of everything that is deployed or still running */
  rebuild(definitions: Iterable<WorkflowDefinition>): void {
    const topics = new Set<string>()
    for (const { trigger, tasks } of definitions) {
      topics.add(topicOf(trigger.service, trigger.event))
      for (const { wait } of tasks) if (wait !== null) topics.add(topicOf(wait.service, wait.event))
    }
    this.#topics = topics
    for (const look of [...this.#watchers]) look()
  }

  /** Told now and whenever it changes whether the event is used. @returns ends it */
  watch(service: string, event: string, changed: (used: boolean) => void): () => void {
    const topic = topicOf(service, event)
    let used = this.#topics.has(topic)
    const look = () => {
      if (this.#topics.has(topic) === used) return
      used = !used
      changed(used)
    }
    this.#watchers.add(look)
    changed(used)
    return () => this.#watchers.delete(look)
  }
}

function topicOf(service: string, event: string): string {
  return `${service}/${event}`
}
