/**
 * The thread in which JSONata runs. It has nothing but the messages of evaluator.ts: no environment, and a memory cap;
 * when it does not answer in time, it is ended from outside. So an endless regular expression costs its caller an
 * error and nobody else more than the time limit.
 */
import { parentPort } from "node:worker_threads"
import jsonata from "jsonata"
import {
  EXPRESSION_DEPTH_MAX,
  EXPRESSION_ITEMS_MAX,
  EXPRESSION_STEPS_MAX,
  EXPRESSION_TEXT_LENGTH_MAX,
  EXPRESSION_TIME_MS_MAX,
  EXPRESSIONS_COMPILED_MAX,
  RESULT_DATA_BYTES_MAX,
} from "../../base/limits.ts"
import { describe } from "./syntax.ts"
import { type Answer, type Question, READY } from "./wire.ts"

/** The names under which one evaluation keeps its own things: no expression can write a name with a blank in it. */
const NOW = " now"
const ENTRY = Symbol.for("jsonata.__evaluate_entry")
const EXIT = Symbol.for("jsonata.__evaluate_exit")

/** One per evaluation, shared by all its frames. */
interface Base {
  steps?: number
}
type Frame = jsonata.Environment & { readonly base?: Base }
interface Native {
  readonly implementation: (...values: unknown[]) => unknown
}
type Focus = jsonata.Focus

const compiled = new Map<string, jsonata.Expression>()

function compile(source: string): jsonata.Expression {
  const known = compiled.get(source)
  if (known !== undefined) return known
  // JSONata evaluates the items of `[…]` side by side and counts each as one deeper.
  const items = source.split(",").length
  const expression = jsonata(source, {
    stack: EXPRESSION_DEPTH_MAX + items,
    timeout: EXPRESSION_TIME_MS_MAX,
    sequence: EXPRESSION_ITEMS_MAX,
  })
  expression.assign(ENTRY as unknown as string, countStep)
  expression.assign(EXIT as unknown as string, refuseLongText)
  expression.registerFunction("now", nowText, "<s?s?:s>")
  expression.registerFunction("millis", nowMillis, "<:n>")
  expression.registerFunction("pad", pad, "<s-ns?:s>")
  expression.registerFunction("join", join, "<a<s>s?:s>")
  if (compiled.size >= EXPRESSIONS_COMPILED_MAX) compiled.delete(compiled.keys().next().value!)
  compiled.set(source, expression)
  return expression
}

function countStep(_node: unknown, _input: unknown, environment: Frame): void {
  const base = environment.base!
  const steps = (base.steps ?? 0) + 1
  base.steps = steps
  if (steps > EXPRESSION_STEPS_MAX) throw new Error(`takes more than ${EXPRESSION_STEPS_MAX} steps`)
}

function refuseLongText(_node: unknown, _input: unknown, _environment: Frame, result: unknown): void {
  if (typeof result === "string") boundText(result.length)
}

function boundText(length: number): void {
  if (length > EXPRESSION_TEXT_LENGTH_MAX) {
    throw new Error(`makes a text longer than ${EXPRESSION_TEXT_LENGTH_MAX} characters`)
  }
}

function nowMillis(this: Focus): unknown {
  return this.environment.lookup(NOW)
}

function nowText(this: Focus, picture?: string, timezone?: string): unknown {
  return native(this, "fromMillis")(this.environment.lookup(NOW), picture, timezone)
}

function native(focus: Focus, name: string): Native["implementation"] {
  return (focus.environment.lookup(name) as Native).implementation
}

// The two functions of JSONata that allocate what they are told to at one stroke.
function pad(text: string | undefined, width: number, filler = " "): string | undefined {
  if (text === undefined) return undefined
  const characters = Array.from(text).length
  const missing = Math.abs(Math.trunc(width)) - characters
  if (!(missing > 0)) return text
  boundText(missing)
  const unit = filler === "" ? " " : filler
  const unitCharacters = Array.from(unit)
  let padding = unit.repeat(Math.floor(missing / unitCharacters.length))
  padding += unitCharacters.slice(0, missing % unitCharacters.length).join("")
  return width > 0 ? text + padding : padding + text
}

function join(texts: readonly string[] | undefined, separator = ""): string | undefined {
  if (texts === undefined) return undefined
  boundText(texts.reduce((sum, text) => sum + text.length + separator.length, 0))
  return texts.join(separator)
}

/** JSONata's arrays carry marks, its objects no prototype: as text they are plain JSON. */
function plainJson(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const json = JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === "number" && !Number.isFinite(item)) throw new Error("gives a number that is not finite")
    if (isFunction(item)) throw new Error("gives a function")
    return item
  })
  if (json.length > 2 * RESULT_DATA_BYTES_MAX)
    throw new Error(`gives more than ${2 * RESULT_DATA_BYTES_MAX} characters`)
  return json
}

function isFunction(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value === "function"
  const marks = value as { _jsonata_lambda?: unknown; _jsonata_function?: unknown; environment?: Frame }
  return marks._jsonata_function === true || (marks._jsonata_lambda === true && marks.environment?.base !== undefined)
}

async function answer(question: Question): Promise<Answer> {
  try {
    const value: unknown = await compile(question.source).evaluate(question.scope, { [NOW]: question.nowMs })
    return { id: question.id, ok: true, json: plainJson(value) }
  } catch (error) {
    return { id: question.id, ok: false, message: describe(error) }
  }
}

const port = parentPort
if (port === null) throw new Error("evaluator-thread.ts runs as a worker thread only")
port.on("message", (question: Question) => {
  void answer(question).then((said) => port.postMessage(said))
})
port.postMessage({ id: READY, ok: true, json: undefined } satisfies Answer)
