import { Worker } from "node:worker_threads"
import {
  EXPRESSION_MEMORY_MB_MAX,
  EXPRESSION_THREAD_IDLE_MS,
  EXPRESSION_THREAD_START_MS_MAX,
  EXPRESSION_TIME_MS_MAX,
  EXPRESSIONS_WAITING_MAX,
} from "../../base/limits.ts"
import type { Evaluated, ExpressionScope } from "../../ports/expressions.ts"
import type { Json } from "../../schema/json.ts"
import { type Answer, type Question, READY } from "./wire.ts"

interface Asked {
  readonly question: Question
  readonly settle: (evaluated: Evaluated) => void
}

const THREAD = new URL("./evaluator-thread.ts", import.meta.url)
// The thread keeps its own time limit and says where it stood; only what blocks it altogether is ended from here.
const ENDED_AFTER_MS = EXPRESSION_TIME_MS_MAX + 100

/**
 * Runs JSONata in one worker thread, an expression at a time, each within time, depth, steps and memory.
 * The thread starts with the first question, is replaced when an expression has to be ended by force, and gives its
 * memory back when nobody asks for a while.
 */
export class Evaluator {
  readonly #waiting: Asked[] = []
  #current: Asked | null = null
  #worker: Worker | null = null
  #timer: NodeJS.Timeout | null = null
  #nextId = 1
  #stopped = false
  readonly #idleMs: number

  constructor(idleMs: number = EXPRESSION_THREAD_IDLE_MS) {
    this.#idleMs = idleMs
  }

  /** Whether the thread is there. */
  get isRunning(): boolean {
    return this.#worker !== null
  }

  /** Never rejects. */
  ask(source: string, scope: ExpressionScope, nowMs: number): Promise<Evaluated> {
    if (this.#stopped) return Promise.resolve({ ok: false, message: "expressions are stopped" })
    if (this.#waiting.length >= EXPRESSIONS_WAITING_MAX) {
      return Promise.resolve({ ok: false, message: `more than ${EXPRESSIONS_WAITING_MAX} expressions are waiting` })
    }
    return new Promise((settle) => {
      this.#waiting.push({ question: { id: this.#nextId++, source, scope, nowMs }, settle })
      this.#next()
    })
  }

  /** What waits is answered with an error. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const left = this.#waiting.splice(0)
    const worker = this.#worker
    this.#worker = null
    this.#settle({ ok: false, message: "expressions are stopped" })
    for (const { settle } of left) settle({ ok: false, message: "expressions are stopped" })
    await worker?.terminate()
  }

  #next(): void {
    if (this.#current !== null) return
    const asked = this.#waiting.shift()
    if (asked === undefined) return this.#rest()
    this.#current = asked
    const starting = this.#worker === null
    this.#worker ??= this.#start()
    this.#worker.ref()
    this.#watch(this.#worker, starting ? EXPRESSION_THREAD_START_MS_MAX : ENDED_AFTER_MS)
    try {
      this.#worker.postMessage(asked.question)
    } catch (error) {
      this.#settle({ ok: false, message: `its scope is no JSON: ${(error as Error).message}` })
    }
  }

  /** Nothing waits: the thread keeps no process alive, and ends after a while. */
  #rest(): void {
    const worker = this.#worker
    if (worker === null) return
    worker.unref()
    this.#setTimer(this.#idleMs, () => {
      if (this.#current !== null || this.#worker !== worker) return
      this.#worker = null
      void worker.terminate()
    })
    this.#timer?.unref()
  }

  #start(): Worker {
    const worker = new Worker(THREAD, {
      name: "expressions",
      env: {},
      argv: [],
      resourceLimits: { maxOldGenerationSizeMb: EXPRESSION_MEMORY_MB_MAX, maxYoungGenerationSizeMb: 2 },
    })
    worker.on("message", (answer: Answer) => {
      if (answer.id === READY && this.#worker === worker) return this.#watch(worker, ENDED_AFTER_MS)
      if (this.#worker !== worker || this.#current?.question.id !== answer.id) return
      if (!answer.ok) this.#settle({ ok: false, message: answer.message })
      else this.#settle({ ok: true, value: answer.json === undefined ? undefined : (JSON.parse(answer.json) as Json) })
    })
    worker.on("error", (error: NodeJS.ErrnoException) => {
      const memory = error.code === "ERR_WORKER_OUT_OF_MEMORY"
      this.#lose(worker, memory ? `needs more than ${EXPRESSION_MEMORY_MB_MAX} MB` : `failed: ${error.message}`)
    })
    worker.on("exit", () => this.#lose(worker, "its thread ended"))
    return worker
  }

  #watch(worker: Worker, timeoutMs: number): void {
    this.#setTimer(timeoutMs, () => {
      // After a pause of the main thread the answer may lie there unread: messages come before the next check phase.
      const id = this.#current?.question.id
      setImmediate(() => {
        if (this.#worker !== worker || id === undefined || this.#current?.question.id !== id) return
        void worker.terminate()
        this.#lose(worker, `takes longer than ${EXPRESSION_TIME_MS_MAX} ms`)
      })
    })
  }

  /** One timer for all: a question is under way, or nothing is. */
  #setTimer(ms: number, action: () => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(action, ms)
  }

  /** The thread is gone: the question it had is answered, the next one gets a new thread. */
  #lose(worker: Worker, message: string): void {
    if (this.#worker !== worker) return
    this.#worker = null
    this.#settle({ ok: false, message })
  }

  #settle(evaluated: Evaluated): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const asked = this.#current
    this.#current = null
    asked?.settle(evaluated)
    if (!this.#stopped) this.#next()
  }
}
