import { render } from "../../../../agent/engine/executions/evaluate.ts"
import type { ExpressionScope } from "../../../../agent/ports/expressions.ts"
import type { Json } from "../../../../agent/schema/json.ts"
import type { EventItem } from "../api/shapes.ts"
import type { TypedValue } from "../../flow/nodes.ts"
import type { Message, Red, RedNode } from "../red.ts"
import { type InlineScope, scopeOf } from "./scope.ts"

/** What a node's form says that a task is given. */
export interface InputForm {
  readonly with?: Readonly<Record<string, TypedValue>>
  readonly withAll?: TypedValue | null
}

/**
 * The inputs of a task for one message. A value that is not there leaves its key out.
 * @throws Error that names the field
 */
export async function inputsOf(red: Red, node: RedNode, form: InputForm, message: Message): Promise<unknown> {
  const whole = form.withAll
  if (whole !== undefined && whole !== null) return (await valueOf(red, node, whole, message)) ?? {}
  const inputs: Record<string, unknown> = {}
  for (const [field, typed] of Object.entries(form.with ?? {})) {
    try {
      const value = await valueOf(red, node, typed, message)
      if (value !== undefined) inputs[field] = value
    } catch (error) {
      throw new Error(`${field}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
  return inputs
}

function valueOf(red: Red, node: RedNode, typed: TypedValue, message: Message): Promise<unknown> {
  const { type, value } = typed
  const scope = scopeOf(message)
  switch (type) {
    case "jsonata":
      return jsonata(red, node, value, scope)
    case "str":
      return rendered(red, node, value, scope)
    case "json":
      return rendered(red, node, JSON.parse(value) as Json, scope)
    case "num":
    case "bool":
    case "msg":
    case "flow":
    case "global":
    case "env":
      return new Promise((resolve, reject) => {
        red.util.evaluateNodeProperty(value, type, node, message, (error, found) =>
          error === null || error === undefined ? resolve(found) : reject(error),
        )
      })
  }
}

/** A template of an application file, with the names its expressions have. */
export async function rendered(red: Red, node: RedNode, template: Json, scope: InlineScope): Promise<unknown> {
  const evaluate = async (source: string) => {
    try {
      return { ok: true as const, value: (await jsonata(red, node, source, scope)) as Json }
    } catch (error) {
      return { ok: false as const, message: String((error as { message?: unknown }).message) }
    }
  }
  const answer = await render({ evaluate }, template, scope as ExpressionScope, Date.now())
  if (!answer.ok) throw new Error(answer.message)
  return answer.value
}

/** As in the agent: one that fails or is not `true` does not match. Inline it is said, as nothing checked it before. */
export async function matches(
  red: Red,
  node: RedNode,
  where: string,
  message: Message,
  item: EventItem,
): Promise<boolean> {
  if (where === "") return true
  const { service, event, id, time, data } = item
  try {
    const scope = { ...scopeOf(message), event: { service, event, id, time, data }, data }
    return (await jsonata(red, node, where, scope)) === true
  } catch (error) {
    node.warn(`where: ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}

/** JSONata over the names that an application's expressions have. */
export async function jsonata(red: Red, node: RedNode, source: string, scope: InlineScope): Promise<unknown> {
  try {
    const expression = red.util.prepareJSONataExpression(source, node)
    return await new Promise((resolve, reject) => {
      red.util.evaluateJSONataExpression(expression, scope, (error, value) =>
        error === null || error === undefined ? resolve(value) : reject(toError(error)),
      )
    })
  } catch (problem) {
    throw toError(problem)
  }
}

/** JSONata throws objects that are no errors. */
function toError(problem: unknown): Error {
  if (problem instanceof Error) return problem
  return new Error(String((problem as { message?: unknown }).message ?? problem), { cause: problem })
}
