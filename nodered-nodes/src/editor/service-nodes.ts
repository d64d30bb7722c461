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
    ...look,
    defaults: {
      name: { value: "" },
      agent: { value: "", type: "mesg-agent", required: false },
      status: { value: "" },
      schema: { value: "", validate: isJson },
      with: { value: {} },
      withAll: { value: WHOLE_PAYLOAD },
    },
    inputs: 1,
    outputs: 0,
    paletteLabel: () => text("palette.service-result"),
    label() {
      return this.name || textOf(this, "status") || text("palette.service-result")
    },
    ...dataForm(),
  }
}

function serviceEventNode(): NodeDefinition {
  return {
    ...look,
    defaults: {
      name: { value: "" },
      agent: { value: "", type: "mesg-agent", required: false },
      service: { value: "", required: true, validate: isNamed },
      event: { value: "", required: true, validate: isNamed },
      declaration: { value: "", validate: isJson },
      with: { value: {} },
      withAll: { value: WHOLE_PAYLOAD },
    },
    inputs: 1,
    outputs: 0,
    paletteLabel: () => text("palette.service-event"),
    label() {
      return this.name || textOf(this, "event") || text("palette.service-event")
    },
    ...dataForm(),
  }
}

function dataForm(): Pick<NodeDefinition, "oneditprepare" | "oneditsave"> {
  return {
    oneditprepare() {
      showInputs($("#mesg-inputs"), this, {})
    },
    oneditsave() {
      Object.assign(this, readInputs($("#mesg-inputs")))
    },
  }
}
