import type { CompiledApplication } from "../../flow/compile.ts"
import { placeOf } from "../../flow/refusals.ts"
import type { Execution } from "../api/shapes.ts"
import { EXECUTIONS_SHOWN_MAX } from "../limits.ts"
import type { Red, Status } from "../red.ts"
import type { LiveNodes } from "./live-nodes.ts"
import { Results } from "./results.ts"

interface Tally {
  running: number
  waiting: number
  last: string | null
  isLastBad: boolean
}

/** How many executions of an application are open. */
export interface OpenCount {
  readonly running: number
  readonly waiting: number
  /** Of earlier versions. */
  readonly older: number
  /** False where more are open than are known here. */
  readonly countedAll: boolean
}

/** What the executions of one application do, shown on the nodes that they are drawn with. */
export class BranchBoard {
  readonly results = new Results()
  readonly #red: Red
  readonly #live: LiveNodes | null
  readonly #application: CompiledApplication
  readonly #version: number
  readonly #open = new Map<string, Execution>()
  readonly #last = new Map<string, { status: string; isBad: boolean }>()

  /** @param live null: shown on no node, as another version is drawn */
  constructor(red: Red, live: LiveNodes | null, application: CompiledApplication, version: number) {
    this.#red = red
    this.#live = live
    this.#application = application
    this.#version = version
  }

  /** Replaces what was known of open executions. @param ended the last ones that did */
  restart(open: readonly Execution[], ended: readonly Execution[]): void {
    const before = new Set(this.#open.keys())
    this.#open.clear()
    for (const execution of open) this.#put(execution)
    for (const execution of ended.toSorted((a, b) => endMs(a) - endMs(b))) {
      // It was running when the agent was heard of last: how it ended is news for the nodes.
      if (before.has(execution.id)) this.#put(execution)
      else this.results.add(execution)
    }
    this.show()
  }

  open(): OpenCount {
    const all = [...this.#open.values()]
    const waiting = all.filter(({ status }) => status === "waiting").length
    return {
      running: all.length - waiting,
      waiting,
      older: all.filter(({ version }) => version < this.#version).length,
      countedAll: all.length < EXECUTIONS_SHOWN_MAX,
    }
  }

  changed(execution: Execution): void {
    this.#put(execution)
    this.show()
  }

  #put(execution: Execution): void {
    for (const [name, { status }] of Object.entries(execution.tasks)) {
      if (status !== null) this.#last.set(`${execution.workflow}/${name}`, { status, isBad: isBuiltIn(status) })
    }
    if (execution.finished !== null) {
      this.#open.delete(execution.id)
      const isBad = execution.status !== "completed"
      this.#last.set(execution.workflow, { status: this.#word(execution.status), isBad })
      this.results.add(execution)
    } else if (this.#open.has(execution.id) || this.#open.size < EXECUTIONS_SHOWN_MAX) {
      this.#open.set(execution.id, execution)
    }
  }

  show(): void {
    for (const [workflow, { tasks }] of Object.entries(this.#application.document.workflows)) {
      const open = [...this.#open.values()].filter((execution) => execution.workflow === workflow)
      this.#set(`/workflows/${workflow}/trigger`, this.#tally(open.length, 0, workflow), true)
      for (const [name, task] of Object.entries(tasks)) {
        const running = open.filter(({ tasks: all }) => all[name]?.started !== null && all[name]?.finished === null)
        const waiting = open.filter(({ branches }) =>
          branches.some(({ status, remaining }) => status === "waiting" && remaining[0] === name),
        )
        const pointer = `/workflows/${workflow}/tasks/${name}`
        if (task.wait !== undefined) this.#set(`${pointer}/wait`, this.#tally(0, waiting.length, null))
        this.#set(pointer, this.#tally(running.length, 0, `${workflow}/${name}`))
      }
    }
  }

  #tally(running: number, waiting: number, key: string | null): Tally {
    const last = key === null ? undefined : this.#last.get(key)
    return { running, waiting, last: last?.status ?? null, isLastBad: last?.isBad ?? false }
  }

  #set(pointer: string, tally: Tally, isTrigger = false): void {
    const place = placeOf(this.#application.places, pointer)
    this.#live?.at(place)?.status(this.#status(tally, isTrigger))
  }

  #status({ running, waiting, last, isLastBad }: Tally, isTrigger: boolean): Status {
    const text = (key: string, count: number) => this.#red._(`mesg.status.${key}`, { count })
    if (running > 0) return { fill: "blue", shape: "dot", text: text("running", running) }
    if (waiting > 0) return { fill: "yellow", shape: "ring", text: text("waiting", waiting) }
    if (last !== null) return { fill: isLastBad ? "red" : "green", shape: "dot", text: last }
    if (!isTrigger) return {}
    const deployed = this.#red._("mesg.status.deployed", { version: this.#version })
    return { fill: "green", shape: "ring", text: deployed }
  }

  #word(status: string): string {
    return this.#red._(`mesg.status.branch.${status}`)
  }
}

function endMs({ finished }: Execution): number {
  return Date.parse(finished ?? "")
}

function isBuiltIn(status: string): boolean {
  return status === "error" || status === "timed-out" || status === "cancelled"
}
