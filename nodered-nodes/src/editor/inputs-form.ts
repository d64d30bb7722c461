import type { TypedValue } from "../flow/nodes.ts"
import { element } from "./element.ts"
import { defaultOf, fieldOf, type Literal, misfitOf, type Schema } from "./field.ts"
import type { EditorNode, Query } from "./red.ts"
import { text } from "./text.ts"

/** Where a value can come from beside being written down. */
const SOURCES = ["jsonata", "msg", "flow", "global", "env"] as const

/** Fills a container with one typed input per property of the schema; one for the whole where it has none. */
export function showInputs(container: Query, node: EditorNode, schema: Schema): void {
  const given = (node["with"] ?? {}) as Readonly<Record<string, TypedValue>>
  const whole = (node["withAll"] ?? null) as TypedValue | null
  container.empty()
  const properties = Object.entries(schema.properties ?? {})
  if (whole !== null || (properties.length === 0 && Object.keys(given).length === 0)) {
    row(container, "", { description: text("label.whole"), type: "object" }, whole, text("label.inputs"), false)
    return
  }
  for (const [name, property] of properties) {
    row(container, name, property, given[name] ?? null, name, schema.required?.includes(name) === true)
  }
  // What the schema does not list (any more) is kept and shown, so that nobody sends what is not seen.
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(schema.properties ?? {}, name)) row(container, name, {}, value, name, false)
  }
}

function row(
  container: Query,
  name: string,
  schema: Schema,
  value: TypedValue | null,
  label: string,
  required: boolean,
): void {
  const id = `mesg-input-${name}`
  const mark = required ? element("span", { "aria-hidden": "true", class: "mesg-required" }, " *") : ""
  const input = element("input", { type: "text", id, "data-mesg-field": name, "aria-required": String(required) })
  const note = element("div", { class: "mesg-note", id: `${id}-note` }, noteOf(schema))
  input.setAttribute("aria-describedby", note.id)
  const line = element("div", { class: "form-row mesg-row" }, element("label", { for: id }, label, mark), input, note)
  container[0]!.append(line)
  // What has to be said and need not be thought about is written down from the beginning.
  const shown = value ?? (required ? defaultOf(schema) : null)
  const { kinds, choices } = fieldOf(schema, shown, required)
  const types = [...kinds.map((kind, i) => (i === 0 ? offer(kind, choices) : kind)), ...SOURCES]
  const field = $(`#${CSS.escape(id)}`).typedInput({ types, default: kinds[0]! })
  field.typedInput("type", shown?.type ?? kinds[0]!)
  field.typedInput("value", shown?.value ?? "")
  field.typedInput("width", "calc(100% - 115px)")
  // The widget puts fields of its own into the page: what a screen reader comes to must say what it is.
  for (const inner of line.querySelectorAll("input.red-ui-typedInput-input, button")) {
    inner.setAttribute("aria-label", label)
  }
}

/** A kind of Node-RED's typed inputs, or a list to choose from in its place. */
function offer(kind: Literal, choices: readonly string[] | null): unknown {
  if (choices === null) return kind
  const icon = `red/images/typedInput/${ICONS[kind]}.svg`
  return { value: kind, label: kind, icon, options: choices.map((value) => ({ value, label: value })) }
}

/** Node-RED's own, by the kinds of its typed inputs. */
const ICONS: Readonly<Record<Literal, string>> = { str: "az", num: "09", bool: "bool", json: "json" }

function noteOf(schema: Schema): string {
  const value = defaultOf(schema)?.value ?? ""
  const notes = [schema.description ?? "", value === "" ? "" : text("label.default", { value })]
  return notes.filter((note) => note !== "").join(" · ")
}

/** Reads the form back. A field that says nothing is left out. */
export function readInputs(container: Query): {
  readonly with: Record<string, TypedValue>
  readonly withAll: TypedValue | null
} {
  const values: Record<string, TypedValue> = {}
  let withAll: TypedValue | null = null
  for (const input of container[0]!.querySelectorAll<HTMLElement>("[data-mesg-field]")) {
    const field = $(`#${CSS.escape(input.id)}`)
    const typed = { type: field.typedInput("type"), value: field.typedInput("value") } as TypedValue
    if (typed.value === "") continue
    const name = input.dataset["mesgField"]!
    if (name === "") withAll = typed
    else values[name] = typed
  }
  return { with: values, withAll }
}

/** @returns what is wrong with the inputs of a node, the first of it; null where nothing is */
export function inputsProblem(schema: Schema, node: EditorNode): string | null {
  if (node["withAll"]) return null
  const given = (node["with"] ?? {}) as Readonly<Record<string, TypedValue>>
  const missing = schema.required?.find((name) => (given[name]?.value ?? "") === "")
  if (missing !== undefined) return text("validation.required", { field: missing })
  for (const [field, property] of Object.entries(schema.properties ?? {})) {
    const misfit = given[field] === undefined ? null : misfitOf(property, given[field])
    if (misfit !== null) return text(`validation.${misfit.key}-input`, { field, limit: misfit.limit })
  }
  return null
}
