import type { Application, Warning } from "../../schema/application.ts"
import type { Json } from "../../schema/json.ts"
import type { Edge } from "./endings.ts"
import { faultOf, type Known } from "./known-names.ts"
import type { Refuse } from "./refuse.ts"
import { outputScope, taskScope, triggerScope, type WorkflowFacts } from "./scope.ts"
import { pointerToken, templateExpressions } from "./template.ts"

/** What the rules ask of the expression language. */
export interface ExpressionReader {
  /** @returns null if it parses and uses nothing refused, else the reason */
  check(source: string): string | null
  /** @returns the paths of plain names that it reads from its scope: `tasks.pay.data` is ["tasks", "pay", "data"] */
  paths(source: string): readonly (readonly string[])[]
}

/** Reports on the expressions of one application. */
export class ExpressionRules {
  readonly warnings: Warning[] = []
  readonly #reader: ExpressionReader
  readonly #refuse: Refuse

  constructor(reader: ExpressionReader, refuse: Refuse) {
    this.#reader = reader
    this.#refuse = refuse
  }

  /** All expressions of a workflow. */
  checkWorkflow(facts: WorkflowFacts): void {
    const { workflow, at } = facts
    const { where } = workflow.trigger
    if (where !== undefined) this.#check(where, `${at}/trigger/where`, () => triggerScope(facts))
    for (const [name, task] of Object.entries(workflow.tasks)) {
      const scope = once(() => taskScope(facts, name))
      const here = `${at}/tasks/${pointerToken(name)}`
      if (task.wait?.where !== undefined) this.#check(task.wait.where, `${here}/wait/where`, scope)
      this.#checkTemplate(task.with as Json, `${here}/with`, scope)
    }
  }

  /** The data of an output. @param from the status it stands on, null where that is not known */
  checkOutput(
    facts: WorkflowFacts,
    from: Edge | null,
    output: NonNullable<Application["outputs"]>[string],
    at: string,
  ) {
    this.#checkTemplate(
      output.data as Json,
      `${at}/data`,
      once(() => outputScope(facts, from)),
    )
  }

  #checkTemplate(template: Json, at: string, scope: () => Known): void {
    for (const { path, source } of templateExpressions(template)) {
      if (source === null) {
        this.#refuse("EXPRESSION", `${at}${path}`, "a {{ is never closed by }}", "write }} behind the expression")
      } else this.#check(source, `${at}${path}`, scope)
    }
  }

  #check(source: string, at: string, scope: () => Known): void {
    const reason = this.#reader.check(source)
    if (reason !== null) {
      this.#refuse("EXPRESSION", at, reason, "correct the expression; JSONata is documented at docs.jsonata.org")
      return
    }
    const said = new Set<string>()
    for (const names of this.#reader.paths(source)) {
      const fault = faultOf(names, scope())
      if (fault === null || said.has(fault.message)) continue
      said.add(fault.message)
      if (fault.certain) this.#refuse("UNKNOWN_NAME", at, fault.message, fault.remedy)
      else this.warnings.push({ path: at, message: [fault.message, fault.remedy].filter(Boolean).join("; ") })
    }
  }
}

function once<Value>(make: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= make())
}
