import type { TypedValue } from "../flow/nodes.ts"
import { element } from "./element.ts"
import type { EditorNode, Query } from "./red.ts"
import { text } from "./text.ts"

/** The part of JSON Schema that forms are made of. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

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
  const note = element("div", { class: "mesg-note", id: `${id}-note` }, schema.description ?? "")
  input.setAttribute("aria-describedby", note.id)
  const line = element("div", { class: "form-row mesg-row" }, element("label", { for: id }, label, mark), input, note)
  container[0]!.append(line)
  const types = typesFor(schema)
  const field = $(`#${CSS.escape(id)}`).typedInput({ types, default: defaultType(schema) })
  field.typedInput("type", value?.type ?? defaultType(schema))
  field.typedInput("value", value?.value ?? "")
  field.typedInput("width", "calc(100% - 115px)")
  // The widget puts fields of its own into the page: what a screen reader comes to must say what it is.
  for (const inner of line.querySelectorAll("input.red-ui-typedInput-input, button")) {
    inner.setAttribute("aria-label", label)
  }
}

/** What a field offers first is what its schema asks for. */
function typesFor(schema: Schema): unknown[] {
  const own = defaultType(schema)
  if (schema.enum === undefined) return [own, ...(own === "str" ? [] : ["str"]), ...SOURCES]
  const options = schema.enum.map((choice) => ({ value: String(choice), label: String(choice) }))
  return [{ value: own, label: text("label.inputs"), options: [{ value: "", label: "" }, ...options] }, ...SOURCES]
}

function defaultType({ type, enum: choices }: Schema): "str" | "num" | "bool" | "json" {
  const kind = Array.isArray(type) ? (type as readonly string[]).find((one) => one !== "null") : type
  if (kind === "number" || kind === "integer") return "num"
  if (kind === "boolean") return "bool"
  if (kind === "object" || kind === "array") return "json"
  return kind === undefined && typeof choices?.[0] === "number" ? "num" : "str"
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

/** @returns the required fields that say nothing */
export function missingInputs(schema: Schema, node: EditorNode): string[] {
  if (node["withAll"]) return []
  const given = (node["with"] ?? {}) as Readonly<Record<string, TypedValue>>
  return (schema.required ?? []).filter((name) => {
    const isFilled = schema.properties?.[name]?.default !== undefined
    return !isFilled && (given[name]?.value ?? "") === ""
  })
}
