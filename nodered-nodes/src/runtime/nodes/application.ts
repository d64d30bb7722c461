import { textOf } from "../../flow/raw.ts"
import { rendered } from "../inline/inputs.ts"
import { type InputForm, inputsOf } from "../inline/inputs.ts"
import type { InlineScope } from "../inline/scope.ts"
import type { Execution } from "../api/shapes.ts"
import type { NodeConfig } from "../red.ts"
import type { NodeContext } from "./context.ts"
import { startWorkNode } from "./work.ts"

/** `mesg-application`: inline, each message starts the application; it ends in one of the application's outputs. */
export function registerApplicationNode(context: NodeContext): void {
  const { red } = context
  red.nodes.registerType("mesg-application", function (config: NodeConfig) {
    red.nodes.createNode(this, config)
    const application = textOf(config, "application")
    startWorkNode(context, this, config, application, async (message, key, connection, signal) => {
      const data = await inputsOf(red, this, config as InputForm, message)
      const execution = await connection.run(application, data, key, signal)
      const outputs = (await connection.client.application(application, signal))?.document?.outputs ?? {}
      const reached = outputReached(outputs, execution)
      if (reached === null) {
        const failure = { code: "NO_OUTPUT", message: red._("mesg.error.no-output", { status: execution.status }) }
        const status = execution.status === "cancelled" ? "cancelled" : "error"
        return { status, data: failure, execution: execution.id }
      }
      const scope: InlineScope = { trigger: execution.trigger, tasks: execution.tasks as InlineScope["tasks"] }
      const result = await rendered(red, this, (outputs[reached]!.data ?? {}) as never, scope)
      return { status: reached, data: result, execution: execution.id }
    })
  })
}

/** The output whose task ended first in the status it is taken from. */
function outputReached(
  outputs: Readonly<Record<string, { readonly from: string }>>,
  execution: Execution,
): string | null {
  const reached = Object.entries(outputs).flatMap(([output, { from }]) => {
    const [task, status] = from.split(".")
    const ran = execution.tasks[task!]
    return ran !== undefined && ran.status === status ? [{ output, finished: ran.finished ?? "" }] : []
  })
  return reached.sort((a, b) => (a.finished < b.finished ? -1 : 1))[0]?.output ?? null
}
