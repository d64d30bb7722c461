import type { EditorNode } from "./red.ts"
import { isDuration } from "./work-node.ts"

/** The properties of a node of an event; see flow/nodes.ts. */
export function eventDefaults() {
  return {
    name: { value: "" },
    agent: { value: "", type: "mesg-agent", required: false },
    settings: { value: "", type: "mesg-settings", required: false },
    where: { value: "" },
    debounce: { value: "", validate: isDuration },
    throttle: { value: "", validate: isDuration },
    overlap: { value: "parallel" },
    redact: { value: [] },
  }
}

/** `where` is JSONata and nothing else. */
export function prepareEvent(_node: EditorNode): void {
  $("#node-input-where").typedInput({ types: ["jsonata"], default: "jsonata" })
}
