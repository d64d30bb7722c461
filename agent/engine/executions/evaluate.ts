import type { Evaluated, Expressions, ExpressionScope } from "../../ports/expressions.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import { templateParts } from "../../core/workflow/template.ts"
import type { Event } from "../../schema/event.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { setMember } from "../../schema/plain-json.ts"

/** A value now, or a promise of it: plain paths answer at once, everything else when JSONata has. */
export type Soon<Value> = Value | Promise<Value>

/** Whether the event passes a `where`. One that fails or is not `true` does not match. */
export function matches(
  expressions: Expressions,
  where: string | null,
  scope: ExpressionScope,
  nowMs: number,
): Soon<boolean> {
  if (where === null) return true
  return soon(expressions.evaluate(where, scope, nowMs), (answer) => answer.ok && answer.value === true)
}

// Every task of an execution looks at its trigger again.
const scopes = new WeakMap<Event, JsonObject>()

/** What expressions see of an event. */
export function eventScope(event: Event): JsonObject {
  const known = scopes.get(event)
  if (known !== undefined) return known
  const { service, id, data } = event
  const scope = { service, event: event.event, id, time: new Date(event.timeMs).toISOString(), data }
  scopes.set(event, scope)
  return scope
}

/** What expressions of one task see of the execution. @param awaited the event that opened the task */
export function executionScope(state: ExecutionState, awaited: Event | null): ExpressionScope {
  const tasks: Record<string, Json> = {}
  for (let index = 0; index < state.tasks.length; index++) {
    const { status, data } = state.tasks[index]!
    if (status !== null) tasks[state.definition.tasks[index]!.name] = { status, data }
  }
  const scope = { trigger: eventScope(state.trigger), tasks, config: state.definition.config }
  return awaited === null ? scope : { ...scope, event: eventScope(awaited), data: awaited.data }
}

/** Puts a `with` together. A string that is one `{{ }}` keeps the value's type; a missing value leaves its key out. */
export function render(
  expressions: Pick<Expressions, "evaluate">,
  template: Json,
  scope: ExpressionScope,
  nowMs: number,
): Soon<Evaluated> {
  const evaluate = (source: string) => expressions.evaluate(source, scope, nowMs)
  return rendererOf(template)(evaluate)
}

type Evaluate = (source: string) => Soon<Evaluated>
type Renderer = (evaluate: Evaluate) => Soon<Evaluated>

// Definitions live as long as their executions; what was compiled of them goes with them.
const compiled = new WeakMap<object, Renderer>()

function rendererOf(template: Json): Renderer {
  if (typeof template === "string") return textRenderer(template)
  if (typeof template !== "object" || template === null) return () => ({ ok: true, value: template })
  const known = compiled.get(template)
  if (known !== undefined) return known
  const renderer = Array.isArray(template) ? listRenderer(template) : objectRenderer(template as JsonObject)
  compiled.set(template, renderer)
  return renderer
}

function textRenderer(text: string): Renderer {
  const parts = templateParts(text)
  if (parts === null) return () => ({ ok: false, message: "a {{ is never closed" })
  const [only] = parts
  if (only === undefined) return () => ({ ok: true, value: "" })
  if (parts.length === 1) {
    if ("text" in only) return () => ({ ok: true, value: only.text })
    return (evaluate) => evaluate(only.expression)
  }
  return (evaluate) =>
    gather(
      parts.map((part) => ("text" in part ? { ok: true as const, value: part.text } : evaluate(part.expression))),
      (values) => values.map(asText).join(""),
    )
}

function asText(value: Json | undefined): string {
  if (value === undefined) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}

function listRenderer(list: readonly Json[]): Renderer {
  const items = list.map(rendererOf)
  return (evaluate) =>
    gather(
      items.map((item) => item(evaluate)),
      (values) => values.map((value) => value ?? null),
    )
}

function objectRenderer(object: JsonObject): Renderer {
  const keys = Object.keys(object)
  const items = keys.map((key) => rendererOf(object[key]!))
  return (evaluate) =>
    gather(
      items.map((item) => item(evaluate)),
      (values) => {
        const rendered: Record<string, Json> = {}
        values.forEach((value, i) => {
          if (value !== undefined) setMember(rendered, keys[i]!, value)
        })
        return rendered
      },
    )
}

/** Joins parts; the first failure is the answer. */
function gather(parts: readonly Soon<Evaluated>[], join: (values: (Json | undefined)[]) => Json): Soon<Evaluated> {
  return soonAll(parts, (answers): Evaluated => {
    const values: (Json | undefined)[] = []
    for (const answer of answers) {
      if (!answer.ok) return answer
      values.push(answer.value)
    }
    return { ok: true, value: join(values) }
  })
}

/** Goes on with a value at once if it is there. */
export function soon<From, To>(value: Soon<From>, next: (value: From) => To): Soon<To> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Goes on with all values; at once if they are all there. */
export function soonAll<From, To>(values: readonly Soon<From>[], next: (values: readonly From[]) => To): Soon<To> {
  const waits = values.some((value) => value instanceof Promise)
  return waits ? Promise.all(values.map((value) => Promise.resolve(value))).then(next) : next(values as readonly From[])
}
