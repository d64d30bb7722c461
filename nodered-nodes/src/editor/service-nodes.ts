import { textOf } from "../flow/raw.ts"
import { COLOURS } from "./colours.ts"
import { readInputs, showInputs } from "./inputs-form.ts"
import type { NodeDefinition } from "./red.ts"
import { text } from "./text.ts"
import { isJson, isNamed } from "./validation.ts"

/** What a new node says: everything that comes, as it comes. */
const WHOLE_PAYLOAD = { type: "msg", value: "payload" }

/** The nodes of a Service that is written as a flow. */
export function registerServiceNodes(): void {
  RED.nodes.registerType("mesg-service-task", serviceTaskNode())
  RED.nodes.registerType("mesg-service-result", serviceResultNode())
  RED.nodes.registerType("mesg-service-event", serviceEventNode())
}

const look = { category: "MESG", color: COLOURS.service, icon: "mesg-service.svg" }

function serviceTaskNode(): NodeDefinition {
  return {
    ...look,
    defaults: {
      name: { value: "" },
      agent: { value: "", type: "mesg-agent", required: false },
      service: { value: "", required: true, validate: isNamed },
      task: { value: "", required: true, validate: isNamed },
      declaration: { value: "", validate: isJson },
    },
    inputs: 0,
    outputs: 1,
    paletteLabel: () => text("palette.service-task"),
    label() {
      return this.name || textOf(this, "task") || text("palette.service-task")
    },
  }
}

function serviceResultNode(): NodeDefinition {
  return {
    ...dataNode("service-result", "status"),
    defaults: {
      ...COMMON,
      status: { value: "" },
      schema: { value: "", validate: isJson },
      ...DATA,
    },
  }
}

function serviceEventNode(): NodeDefinition {
  return {
    ...dataNode("service-event", "event"),
    defaults: {
      ...COMMON,
      service: { value: "", required: true, validate: isNamed },
      event: { value: "", required: true, validate: isNamed },
      declaration: { value: "", validate: isJson },
      ...DATA,
    },
  }
}

const COMMON: NodeDefinition["defaults"] = {
  name: { value: "" },
  agent: { value: "", type: "mesg-agent", required: false },
}
const DATA: NodeDefinition["defaults"] = { with: { value: {} }, withAll: { value: WHOLE_PAYLOAD } }

/** A node that ends a way through a flow with data. @param named which of its fields names it where its name does not */
function dataNode(type: string, named: string): Omit<NodeDefinition, "defaults"> {
  const label = () => text(`palette.${type}`)
  return {
    ...look,
    inputs: 1,
    outputs: 0,
    paletteLabel: label,
    label() {
      return this.name || textOf(this, named) || label()
    },
    oneditprepare() {
      showInputs($("#mesg-inputs"), this, {})
    },
    oneditsave() {
      Object.assign(this, readInputs($("#mesg-inputs")))
    },
  }
}
