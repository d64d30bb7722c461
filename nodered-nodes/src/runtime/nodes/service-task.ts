import { callMessage } from "../inline/scope.ts"
import type { NodeConfig } from "../red.ts"
import type { ServiceNodeContext } from "./context.ts"

/** `mesg-service-task`: sends a message for each call of its task. A result node behind it ends the call. */
export function registerServiceTaskNode({ red, live, services }: ServiceNodeContext): void {
  red.nodes.registerType("mesg-service-task", function (config: NodeConfig) {
    red.nodes.createNode(this, config)
    live.add(this)
    let running = 0
    // A call outlives a deploy, and the node that comes then shows what it knows.
    let isClosed = false
    this.on("close", (_removed, done) => {
      isClosed = true
      done()
    })
    const show = () => {
      if (isClosed) return
      const text = running > 0 ? "mesg.status.running" : "mesg.status.registered"
      this.status({ fill: running > 0 ? "blue" : "green", shape: "dot", text: red._(text, { count: running }) })
    }
    const end = () => {
      running--
      show()
    }
    services.serve(this, ({ handle, inputs, ended }) => {
      running++
      show()
      ended.then(end, (error: unknown) => {
        end()
        const why = error instanceof Error ? error.message : String(error)
        const text = red._("mesg.error.no-result", { task: handle.task, execution: handle.execution, why })
        // With a message, so that Catch nodes have it.
        this.error(text, callMessage(handle, inputs))
      })
      this.send(callMessage(handle, inputs))
    })
  })
}
