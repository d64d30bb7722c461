import type { EventDefinition, TaskDefinition } from "../runtime/palette/definition.ts"
import { element } from "./element.ts"
import type { Schema } from "./field.ts"
import { text } from "./text.ts"

/** Help in the order of Node-RED's style guide: what it does, inputs, outputs, details. */
export function taskHelp(type: string, task: TaskDefinition): HTMLElement {
  const outputs = Object.entries(task.statuses).map(([status, { description, data }]) =>
    element("li", {}, status, ...notes(description), properties(data as Schema, "payload.")),
  )
  return help(
    type,
    element("p", {}, task.description),
    element("h3", {}, text("label.inputs")),
    properties(task.inputs as Schema),
    element("h3", {}, text("label.outputs")),
    element("ol", { class: "node-ports" }, ...outputs),
    ...details("timeout"),
  )
}

export function eventHelp(type: string, event: EventDefinition): HTMLElement {
  return help(
    type,
    element("p", {}, event.description),
    element("h3", {}, text("label.outputs")),
    properties({ properties: { payload: event.data as Schema } }),
    properties(event.data as Schema, "payload."),
    ...details("overlap"),
  )
}

/** @param setting that counts in one way of running only; its dialog says so too */
function details(setting: "timeout" | "overlap"): HTMLElement[] {
  const name = element("b", {}, text(`label.${setting}`))
  return [element("h3", {}, text("label.details")), element("p", {}, name, ": ", text(`note.${setting}`))]
}

function help(type: string, ...parts: HTMLElement[]): HTMLElement {
  const script = element("script", { type: "text/html", "data-help-name": type })
  script.textContent = parts.map((part) => part.outerHTML).join("")
  return script
}

/** @param below what of a message they stand in */
function properties(schema: Schema, below = ""): HTMLElement {
  const list = element("dl", { class: "message-properties" })
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const type = element("span", { class: "property-type" }, String(property.type ?? ""))
    const optional = schema.required?.includes(name) === true ? {} : { class: "optional" }
    list.append(element("dt", optional, below + name, type), element("dd", {}, property.description ?? ""))
  }
  return list
}

function notes(description: string): string[] {
  return description === "" ? [] : [`: ${description}`]
}
