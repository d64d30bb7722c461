import { textOf } from "../../flow/raw.ts"
import { nodeKind } from "../../flow/nodes.ts"
import { type InputForm, inputsOf } from "../inline/inputs.ts"
import type { NodeConfig } from "../red.ts"
import type { NodeContext } from "./context.ts"
import { startWorkNode } from "./work.ts"

/** `mesg-task` and the generated nodes of tasks: inline, each message calls the task, durably, in the agent. */
export function registerTaskNode(context: NodeContext, type: string): void {
  const { red } = context
  red.nodes.registerType(type, function (config: NodeConfig) {
    red.nodes.createNode(this, config)
    const kind = nodeKind(config.type)
    const fixed = kind?.kind === "task" ? kind : { service: undefined, task: undefined }
    const service = fixed.service ?? textOf(config, "service")
    const task = fixed.task ?? textOf(config, "task")
    startWorkNode(context, this, config, task, async (message, key, connection, signal) => {
      const inputs = await inputsOf(red, this, config as InputForm, message)
      const execution = await connection.call(service, task, inputs, key, signal)
      const { status, data } = Object.values(execution.tasks)[0]!
      return { status: status ?? "error", data, execution: execution.id }
    })
  })
}
