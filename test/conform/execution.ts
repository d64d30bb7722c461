import * as v from "valibot"
import type { ExecutionId } from "../../agent/base/ids.ts"
import { branchesOf } from "../../agent/core/execution/branches.ts"
import type { Input } from "../../agent/core/execution/input.ts"
import { nextDueMs } from "../../agent/core/execution/pending.ts"
import { isFinished } from "../../agent/core/execution/state.ts"
import { triggeredInput } from "../../agent/core/execution/transition.ts"
import { type AdmissionMemory, admit, admitPending, NO_MEMORY } from "../../agent/core/workflow/admission.ts"
import { checkApplication } from "../../agent/core/workflow/rules.ts"
import { type PinnedWorkflow, pinWorkflow } from "../../agent/engine/applications/pinned.ts"
import { advance, type AdvanceContext } from "../../agent/engine/executions/advance.ts"
import { endInput } from "../../agent/engine/executions/end-input.ts"
import { eventScope, matches } from "../../agent/engine/executions/evaluate.ts"
import { Journal } from "../../agent/engine/executions/journal.ts"
import { OpenLog } from "../../agent/engine/executions/open-log.ts"
import { Live } from "../../agent/engine/executions/live.ts"
import { Veils } from "../../agent/engine/veils.ts"
import { JsonataExpressions } from "../../agent/io/expressions/expressions.ts"
import type { Application } from "../../agent/schema/application.ts"
import { compileDataSchema } from "../../agent/schema/data-schema.ts"
import type { Event } from "../../agent/schema/event.ts"
import type { Json, JsonObject } from "../../agent/schema/json.ts"
import type { Manifest } from "../../agent/schema/manifest.ts"
import { checkManifest } from "../../agent/schema/manifest-check.ts"

const NO_SECRETS = new Veils()

/*
 * The entry point `execution`: an application and what happens to it, played through the engine's own step on a clock
 * that only ticks. See docs/spec/conformance.md#execution.
 */
const LineSchema = v.object({
  services: v.array(v.unknown(), "`services` is a list of manifests"),
  app: v.unknown(),
  inputs: v.array(
    v.union(
      [
        v.object({ event: v.object({ service: v.string(), event: v.string(), data: v.optional(v.unknown(), {}) }) }),
        v.object({ result: v.object({ task: v.string(), status: v.string(), data: v.optional(v.unknown(), {}) }) }),
        v.object({ tick: v.pipe(v.number(), v.minValue(0)) }),
      ],
      "is no {event}, {result} or {tick}",
    ),
    "`inputs` is a list",
  ),
})
type Given = v.InferOutput<typeof LineSchema>["inputs"][number]

interface Answer {
  readonly start: readonly string[]
  readonly status: string | null
  readonly branches: readonly { readonly path: readonly string[]; readonly status: string }[]
}

const BEFORE: Answer = { start: [], status: null, branches: [] }
const START_MS = Date.UTC(2020, 0, 1)
const expressions = new JsonataExpressions()

export function stop(): Promise<void> {
  return expressions.stop()
}

/** @param text one line of the input @returns one line of JSON @throws where the line is malformed */
export async function answer(text: string): Promise<string> {
  const { services, app, inputs } = parseLine(text)
  const manifests = manifestsOf(services)
  const catalogue = { manifest: (id: string) => manifests.get(id), application: () => undefined }
  const { application, refusals } = checkApplication(app, catalogue, expressions)
  if (application === null || refusals.length > 0) {
    return JSON.stringify({ refused: refusals.map(({ rule, path }) => ({ rule, path })) })
  }
  const [workflow] = Object.keys(application.workflows)
  const play = new Play(pinWorkflow(application, workflow!, 1, defaultsOf(application), catalogue), manifests)
  const answers: Answer[] = []
  for (const given of inputs) answers.push(await play.take(given))
  return JSON.stringify(answers)
}

function parseLine(text: string): v.InferOutput<typeof LineSchema> {
  const parsed = v.safeParse(LineSchema, JSON.parse(text))
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new Error(`${v.getDotPath(issue) ?? "the line"}: ${issue.message}`)
}

/** A service whose manifest is refused is not there: what names it is refused in turn. */
function manifestsOf(documents: readonly unknown[]): ReadonlyMap<string, Manifest> {
  const manifests = new Map<string, Manifest>()
  for (const document of documents) {
    const checked = checkManifest(document)
    if (checked.ok) manifests.set(checked.manifest.id, checked.manifest)
    else {
      const reasons = checked.issues.map(({ path, message }) => `${path.join(".") || "manifest"}: ${message}`)
      process.stderr.write(`a service is refused: ${reasons.join("; ")}\n`)
    }
  }
  return manifests
}

function defaultsOf({ config }: Application): JsonObject {
  return Object.fromEntries(Object.entries(config).map(([name, entry]) => [name, (entry.default ?? null) as Json]))
}

const CORE = "00".repeat(32)

/** One workflow, at most one execution of it, and the clock. */
class Play {
  readonly #live: Live
  readonly #manifests: ReadonlyMap<string, Manifest>
  readonly #context: AdvanceContext
  #started: string[] = []
  #memory: AdmissionMemory = NO_MEMORY
  #nowMs = START_MS

  constructor(pinned: PinnedWorkflow, manifests: ReadonlyMap<string, Manifest>) {
    const { app, workflow, version, tasks } = pinned.definition
    const id = "ex_00000000000000000000000000" as ExecutionId
    const pin = { app, workflow, version }
    this.#live = new Live(id, pin, pinned, Journal.begin(new OpenLog(), id, pin, CORE))
    this.#manifests = manifests
    this.#context = {
      expressions,
      core: CORE,
      place: (_, task) => {
        this.#started.push(tasks[task]!.name)
        return true
      },
      isCareful: () => false,
      // Nobody runs it: the line's own results end it.
      execute: () => [],
    }
  }

  async take(given: Given): Promise<Answer> {
    this.#started = []
    if ("tick" in given) await this.#pass(given.tick)
    else {
      // A timeout of 0 is due at once, without a tick.
      await this.#pass(0)
      if ("event" in given) await this.#event(given.event)
      else await this.#result(given.result)
    }
    return this.#answer()
  }

  /** Lets time pass: everything that falls due happens at its own time, in order. */
  async #pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (let due = this.#nextDueMs(); due !== null && due <= endMs; due = this.#nextDueMs()) {
      this.#nowMs = Math.max(this.#nowMs, due)
      if (this.#live.state === null) await this.#firePending()
      else await this.#feed({ kind: "elapsed", atMs: this.#nowMs })
    }
    this.#nowMs = endMs
  }

  #nextDueMs(): number | null {
    const { state } = this.#live
    if (state === null) return this.#memory.pending?.dueMs ?? null
    return isFinished(state) ? null : nextDueMs(state)
  }

  async #event(given: { service: string; event: string; data: unknown }): Promise<void> {
    const event = { ...given, id: null, timeMs: this.#nowMs } as Event
    // An event that its service does not declare, or whose data breaks its schema, is refused before anybody sees it.
    if (!this.#isDeclared(event)) return
    if (this.#live.state !== null) return this.#feed({ kind: "event", atMs: this.#nowMs, event })
    const { trigger, config } = this.#live.pinned.definition
    if (event.service !== trigger.service || event.event !== trigger.event) return
    const scope = { trigger: eventScope(event), data: event.data, config }
    if (!(await matches(expressions, trigger.where, scope, this.#nowMs))) return
    const { admission, memory } = admit(trigger, this.#memory, event, this.#nowMs, false)
    this.#memory = memory
    if (admission === "run") await this.#feed(triggeredInput(this.#live.id, event, this.#nowMs))
  }

  #isDeclared({ service, event, data }: Event): boolean {
    const events = this.#manifests.get(service)?.events ?? {}
    const declared = Object.hasOwn(events, event) ? events[event] : undefined
    if (declared === undefined) return false
    const compiled = compileDataSchema(declared.data)
    return compiled.ok && compiled.check(data).length === 0
  }

  /** A debounced burst is over. */
  async #firePending(): Promise<void> {
    const { event } = this.#memory.pending!
    const { memory } = admitPending(this.#live.pinned.definition.trigger, this.#memory, this.#nowMs, false)
    this.#memory = memory
    await this.#feed(triggeredInput(this.#live.id, event, this.#nowMs))
  }

  async #result({ task, status, data }: { task: string; status: string; data: unknown }): Promise<void> {
    const { state, pinned } = this.#live
    const index = pinned.definition.tasks.findIndex(({ name }) => name === task)
    if (state === null || index < 0) return
    const end = { kind: "result", status, data: data as Json } as const
    await this.#feed(endInput(pinned, index, state.tasks[index]!.attempts, end, this.#nowMs, NO_SECRETS))
  }

  async #feed(input: Input): Promise<void> {
    await advance(this.#live, [input], this.#context)
  }

  #answer(): Answer {
    const { state, pinned } = this.#live
    if (state === null) return BEFORE
    const nameOf = (task: number) => pinned.definition.tasks[task]!.name
    const branches = branchesOf(state).map(({ path, status }) => ({ path: path.map(nameOf), status }))
    return {
      start: this.#started.toSorted(),
      status: state.status,
      branches: branches.toSorted((a, b) => compareLists(a.path, b.path)),
    }
  }
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((name, i) => name !== b[i])
  if (at < 0) return a.length - b.length
  return b[at] !== undefined && a[at]! < b[at] ? -1 : 1
}
