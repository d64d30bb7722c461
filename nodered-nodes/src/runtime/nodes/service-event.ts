import { type InputForm, inputsOf } from "../inline/inputs.ts"
import type { Message, NodeConfig, RedNode } from "../red.ts"
import type { ServiceNodeContext } from "./context.ts"

/** `mesg-service-event`: each message is an event of its service. Done when the agent has it durably. */
export function registerServiceEventNode({ red, live, services }: ServiceNodeContext): void {
  const report = async (node: RedNode, config: NodeConfig, message: Message) => {
    await services.emit(node, await inputsOf(red, node, config as InputForm, message))
  }
  red.nodes.registerType("mesg-service-event", function (config: NodeConfig) {
    red.nodes.createNode(this, config)
    live.add(this)
    this.on("input", (message, _send, done) => {
      report(this, config, message).then(
        () => {
          this.status({ fill: "green", shape: "dot", text: new Date().toLocaleTimeString() })
          done()
        },
        (error: Error) => {
          this.status({ fill: "red", shape: "ring", text: (error as { code?: string }).code ?? "error" })
          done(error)
        },
      )
    })
  })
}
