import type { Soon } from "../../base/soon.ts"
import { EXPRESSIONS_COMPILED_MAX } from "../../base/limits.ts"
import type { Evaluated, Expressions, ExpressionScope } from "../../ports/expressions.ts"
import { Evaluator } from "./evaluator.ts"
import { compileFastPath, type FastPath, UNDECIDED } from "./fast-path.ts"
import { scopePaths } from "./paths.ts"
import { refusal } from "./refuse.ts"
import { describe, parse } from "./syntax.ts"

interface Compiled {
  readonly problem: string | null
  readonly fast: FastPath | null
}

/**
 * Expressions as JSONata 2 over {trigger, tasks, config, event, data}: plain ones are answered at once, all others by
 * JSONata in a thread of its own within the bounds of limits.ts.
 * @see docs/spec/application.md#expressions
 */
export class JsonataExpressions implements Expressions {
  readonly #evaluator = new Evaluator()
  readonly #compiled = new Map<string, Compiled>()

  check(source: string): string | null {
    return this.#compile(source).problem
  }

  paths(source: string): readonly (readonly string[])[] {
    const parsed = parse(source)
    return parsed.ok ? scopePaths(parsed.root) : []
  }

  evaluate(source: string, scope: ExpressionScope, nowMs: number): Soon<Evaluated> {
    const { problem, fast } = this.#compile(source)
    if (problem !== null) return { ok: false, message: problem }
    const value = fast === null ? UNDECIDED : fast(scope)
    return value === UNDECIDED ? this.#evaluator.ask(source, scope, nowMs) : { ok: true, value }
  }

  /** Ends the thread. What still waits for it is answered with an error. */
  stop(): Promise<void> {
    return this.#evaluator.stop()
  }

  #compile(source: string): Compiled {
    const known = this.#compiled.get(source)
    if (known !== undefined) return known
    const compiled = compile(source)
    // First in, first out: the expressions of the deployed applications are far fewer than the limit.
    if (this.#compiled.size >= EXPRESSIONS_COMPILED_MAX) this.#compiled.delete(this.#compiled.keys().next().value!)
    this.#compiled.set(source, compiled)
    return compiled
  }
}

function compile(source: string): Compiled {
  const parsed = parse(source)
  if (!parsed.ok) return { problem: parsed.message, fast: null }
  try {
    const problem = refusal(parsed.root)
    return { problem, fast: problem === null ? compileFastPath(parsed.root) : null }
  } catch (error) {
    return { problem: describe(error), fast: null }
  }
}
