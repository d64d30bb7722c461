import type { Json } from "../../../../agent/sdk.ts"
import { textOf } from "../../flow/raw.ts"
import { type InputForm, inputsOf } from "../inline/inputs.ts"
import { scopeOf } from "../inline/scope.ts"
import type { Message, NodeConfig, RedNode } from "../red.ts"
import type { ServiceNodeContext } from "./context.ts"

/** `mesg-service-result`: ends the call that a message is about, in one of the statuses of its task, with its data. */
export function registerServiceResultNode(context: ServiceNodeContext): void {
  const { red, live } = context
  red.nodes.registerType("mesg-service-result", function (config: NodeConfig) {
    red.nodes.createNode(this, config)
    live.add(this)
    this.on("input", (message, _send, done) => {
      answer(context, this, config, message).then(
        (status) => {
          this.status({ fill: "green", shape: "dot", text: status })
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

/** @returns the status that the call ended in @throws Error with a code, for the node */
async function answer(
  { red, services }: ServiceNodeContext,
  node: RedNode,
  config: NodeConfig,
  message: Message,
): Promise<string> {
  const refuse = (code: string, key: string, values: Readonly<Record<string, string>> = {}): never => {
    throw Object.assign(new Error(`${code}: ${red._(`mesg.error.${key}`, values)}`), { code })
  }
  const { call } = scopeOf(message)
  if (call === undefined) return refuse("CALL_NONE", "call-none")
  const { task, execution } = call
  const status = textOf(config, "status") || (typeof message["status"] === "string" ? message["status"] : "")
  const declared = services.statusesOf(call)
  if (declared === null) return refuse("CALL_UNKNOWN", "call-unknown", { task, execution })
  if (!declared.includes(status)) {
    return refuse("STATUS_UNDECLARED", "status-undeclared", { task, status, declared: declared.join(", ") })
  }
  const data = (await inputsOf(red, node, config as InputForm, message)) as Record<string, Json>
  const said = services.answer(call, { status, data })
  if (said === "ended") return refuse("CALL_ENDED", "call-ended", { task, execution })
  if (said === "late") return refuse("CALL_LATE", "call-late", { task, execution })
  if (said === "unknown") return refuse("CALL_UNKNOWN", "call-unknown", { task, execution })
  return status
}
