import { sized } from "../../base/sized.ts"
import { type Soon, soon } from "../../base/soon.ts"
import type { Evaluated, Expressions, ExpressionScope } from "../../ports/expressions.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import { templateParts } from "../../core/workflow/template.ts"
import type { Event } from "../../schema/event.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { setMember } from "../../schema/plain-json.ts"

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

/** An event as expressions see it. */
export type EventScope = JsonObject & { readonly data: Json }

/** What expressions see of an event. */
export function eventScope({ service, event, id, timeMs, data }: Event): EventScope {
  return { service, event, id, time: isoTime(timeMs), data }
}

/** Events come many in a millisecond. */
let newest = { timeMs: Number.NaN, text: "" }

function isoTime(timeMs: number): string {
  if (newest.timeMs !== timeMs) newest = { timeMs, text: new Date(timeMs).toISOString() }
  return newest.text
}

/** What expressions of one task see of the execution. @param awaited the event that opened the task */
export function executionScope(
  state: ExecutionState,
  trigger: EventScope,
  awaited: EventScope | null,
): ExpressionScope {
  const tasks: Record<string, Json> = {}
  for (let index = 0; index < state.tasks.length; index++) {
    const { status, data } = state.tasks[index]!
    if (status !== null) tasks[state.definition.tasks[index]!.name] = { status, data }
  }
  const scope = { trigger, tasks, config: state.definition.config }
  return awaited === null ? scope : { ...scope, event: awaited, data: awaited.data }
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
  if (typeof template !== "object" || template === null) return always(template)
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
  if (only === undefined) return always("")
  if (parts.length === 1) {
    if ("text" in only) return always(only.text)
    return (evaluate) => evaluate(only.expression)
  }
  const items = parts.map((part): Renderer => {
    if ("text" in part) return always(part.text)
    return (evaluate) => evaluate(part.expression)
  })
  return (evaluate) => gather(items, evaluate, (values) => values.map(asText).join(""))
}

function always(value: Json): Renderer {
  const answer = { ok: true, value } as const
  return () => answer
}

function asText(value: Json | undefined): string {
  if (value === undefined) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}

function listRenderer(list: readonly Json[]): Renderer {
  const items = list.map(rendererOf)
  return (evaluate) => gather(items, evaluate, (values) => values.map((value) => value ?? null))
}

function objectRenderer(object: JsonObject): Renderer {
  const keys = Object.keys(object)
  const items = keys.map((key) => rendererOf(object[key]!))
  const join = (values: readonly (Json | undefined)[]) => {
    const rendered: Record<string, Json> = {}
    values.forEach((value, i) => {
      if (value !== undefined) setMember(rendered, keys[i]!, value)
    })
    return rendered
  }
  return (evaluate) => gather(items, evaluate, join)
}

type Join = (values: readonly (Json | undefined)[]) => Json

/** Joins parts; the first failure is the answer. From the first that has to wait, those that are left wait side by side. */
function gather(items: readonly Renderer[], evaluate: Evaluate, join: Join): Soon<Evaluated> {
  const values = sized<Json>(items.length)
  for (let at = 0; at < items.length; at++) {
    const answer = items[at]!(evaluate)
    if (answer instanceof Promise) {
      const later = items.slice(at + 1).map((item) => item(evaluate))
      return Promise.all([answer, ...later]).then((answers) => together(values.slice(0, at), answers, join))
    }
    if (!answer.ok) return answer
    values[at] = answer.value
  }
  return { ok: true, value: join(values) }
}

function together(values: (Json | undefined)[], answers: readonly Evaluated[], join: Join): Evaluated {
  for (const answer of answers) {
    if (!answer.ok) return answer
    values.push(answer.value)
  }
  return { ok: true, value: join(values) }
}
