import * as v from "valibot"
import { advance, type AdvanceContext } from "../../agent/engine/executions/advance.ts"
import { pinWorkflow } from "../../agent/engine/applications/pinned.ts"
import { matches } from "../../agent/engine/executions/evaluate.ts"
import { Live } from "../../agent/engine/executions/live.ts"
import type { ExecutionId } from "../../agent/base/ids.ts"
import { branchesOf } from "../../agent/core/execution/branches.ts"
import type { Input } from "../../agent/core/execution/input.ts"
import { triggeredInput } from "../../agent/core/execution/transition.ts"
import { checkApplication } from "../../agent/core/workflow/rules.ts"
import type { Expressions } from "../../agent/ports/expressions.ts"
import type { Event } from "../../agent/schema/event.ts"
import type { Json } from "../../agent/schema/json.ts"
import { ManifestSchema } from "../../agent/schema/manifest.ts"

/** One line of the entry point `execution`; see docs/spec/conformance.md. */
interface Line {
  readonly services: readonly unknown[]
  readonly app: unknown
  readonly inputs: readonly (
    | { readonly event: { readonly service: string; readonly event: string; readonly data?: Json } }
    | { readonly result: { readonly task: string; readonly status: string; readonly data?: Json } }
    | { readonly tick: number }
  )[]
}

interface Answer {
  readonly start: readonly string[]
  readonly status: string | null
  readonly branches: readonly { readonly path: readonly string[]; readonly status: string }[]
}

const BEFORE: Answer = { start: [], status: null, branches: [] }

/** Runs one line through the engine's own step on a clock that only ticks. */
export async function answerExecution(text: string, expressions: Expressions): Promise<string> {
  const line = JSON.parse(text) as Line
  const manifests = new Map(
    line.services.map((document) => v.parse(ManifestSchema, document)).map((m) => [m.id as string, m]),
  )
  const catalogue = { manifest: (id: string) => manifests.get(id), application: () => undefined }
  const checked = checkApplication(line.app, catalogue, (source) => expressions.check(source))
  if (checked.application === null || checked.refusals.length > 0) {
    return JSON.stringify({ refused: checked.refusals.map(({ rule, path }) => ({ rule, path })) })
  }
  const [workflow] = Object.keys(checked.application.workflows)
  const config = Object.fromEntries(
    Object.entries(checked.application.config).map(([name, entry]) => [
      name,
      (entry.default as Json | undefined) ?? null,
    ]),
  )
  const pinned = pinWorkflow(checked.application, workflow!, 1, config, catalogue)
  const { trigger, tasks } = pinned.definition
  let started: string[] = []
  const context: AdvanceContext = {
    expressions,
    core: "00".repeat(32),
    place: (_, task) => {
      started.push(tasks[task]!.name)
      return true
    },
  }
  const live = new Live("ex_00000000000000000000000000" as ExecutionId, { app: "a", workflow: "w", version: 1 }, pinned)
  const answers: Answer[] = []
  let nowMs = 1_000_000
  for (const given of line.inputs) {
    started = []
    if ("tick" in given) nowMs += given.tick
    if (live.state !== null) {
      // What is due happens before what comes now.
      await advance(live, [{ kind: "elapsed", atMs: nowMs }], context)
      const input = inputOf(
        given,
        tasks.map(({ name }) => name),
        nowMs,
      )
      if (input !== null) await advance(live, [input], context)
    } else if ("event" in given) {
      const event = eventOf(given.event, nowMs)
      const isTrigger = event.service === trigger.service && event.event === trigger.event
      const scope = { trigger: { ...event }, data: event.data, config }
      if (isTrigger && (await matches(expressions, trigger.where, scope, nowMs))) {
        await advance(live, [triggeredInput(live.id, event, nowMs)], context)
      }
    }
    answers.push(live.state === null ? BEFORE : answerOf(live, started))
  }
  return JSON.stringify(answers)
}

function answerOf({ state }: Live, started: readonly string[]): Answer {
  const nameOf = (task: number) => state!.definition.tasks[task]!.name
  const branches = branchesOf(state!).map(({ path, status }) => ({ path: path.map(nameOf), status }))
  const keyOf = ({ path }: { path: readonly string[] }) => JSON.stringify(path)
  return {
    start: started.toSorted(),
    status: state!.status,
    branches: branches.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  }
}

function inputOf(given: Line["inputs"][number], names: readonly string[], atMs: number): Input | null {
  if ("tick" in given) return null
  if ("event" in given) return { kind: "event", atMs, event: eventOf(given.event, atMs) }
  const { task, status, data } = given.result
  return { kind: "result", atMs, task: names.indexOf(task), status, data: data ?? {} }
}

function eventOf(given: { service: string; event: string; data?: Json }, timeMs: number): Event {
  return { service: given.service, event: given.event, data: given.data ?? {}, id: null, timeMs } as Event
}
