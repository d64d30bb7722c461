import { join } from "node:path"
import type { ExecutionId } from "../../../agent/base/ids.ts"
import { type EndedExecution, readEnded } from "../../../agent/engine/executions/records.ts"
import { openExecutions, storedSteps } from "../../support/stored-steps.ts"
import { LmdbStore } from "../../../agent/io/store/store.ts"
import type { ExecutionView } from "../../../agent/schema/execution.ts"
import { TABLE } from "../../../agent/schema/tables.ts"
import type { TestAgent } from "../../support/agent.ts"
import { KeptLog } from "../../support/kept-log.ts"
import type { Ledger, Sent } from "./publishers.ts"
import type { Sink } from "./sink.ts"

/** What is wrong, in words, at most a few of each kind; empty where every promise was kept. */
export type Findings = readonly string[]

/** Senders that make their events recognisable: exactly one execution each, whatever happened. */
const EXACT: readonly Sent["via"][] = ["qos1-id", "qos2", "http-id"]

export async function allExecutions(agent: TestAgent): Promise<ExecutionView[]> {
  const all: ExecutionView[] = []
  for (let cursor: string | null = ""; cursor !== null; ) {
    const answer = await agent.api("GET", `/executions?limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`)
    const page = (await answer.json()) as { items: ExecutionView[]; cursor: string | null }
    all.push(...page.items)
    cursor = page.cursor
  }
  return all
}

/** How far two events can overtake each other on their way in. */
const OVERTAKING_MAX = 64

/**
 * Every accepted event made its execution, no recognisable one made two, and every execution came to its end.
 * @param seen where there was too little room the oldest may have been removed once they had ended: given what the
 * outside saw, an order that is gone must have had its last effect, and nothing newer than those may be missing
 */
export function auditExecutions(ledger: Ledger, executions: readonly ExecutionView[], seen?: Sink): Findings {
  const found = new FindingList()
  const byEvent = new Map<number, ExecutionView[]>()
  for (const execution of executions) {
    const { n } = execution.trigger.data as { n: number }
    byEvent.set(n, [...(byEvent.get(n) ?? []), execution])
    const wrong = wrongEnd(execution)
    if (wrong !== null) found.add("not ended well", `${execution.id} (event ${n}): ${wrong}`)
  }
  const removed = ledger.sent.filter(
    ({ n, event, accepted }) => accepted && event === "order" && !byEvent.has(n) && seen?.keys.has(`far ${n}`),
  )
  const newestRemoved = Math.max(-1, ...removed.map(({ n }) => n))
  for (const { n, via, event, accepted } of ledger.sent) {
    const made = byEvent.get(n)?.length ?? 0
    const mayBeGone = event === "order" ? seen?.keys.has(`far ${n}`) : n < newestRemoved + OVERTAKING_MAX
    if (accepted && made === 0 && mayBeGone !== true)
      found.add("lost", `event ${n} over ${via} was accepted and made no execution`)
    if (made > 1 && (EXACT.includes(via) || via === "http"))
      found.add("duplicated", `event ${n} over ${via} made ${made} executions`)
    byEvent.delete(n)
  }
  for (const n of byEvent.keys()) found.add("unknown", `there is an execution for event ${n}, which nobody sent`)
  return found.list
}

function wrongEnd({ workflow, status, tasks }: ExecutionView): string | null {
  if (status !== "completed") return `ended ${status}: ${JSON.stringify(tasks)}`
  if (workflow === "order") {
    if (tasks["last"]?.status !== "done") return `its last task is ${tasks["last"]?.state}`
    const fire = tasks["fire"]
    const interrupted = fire?.status === "error" && (fire.data as { code: string }).code === "INTERRUPTED"
    if (fire?.status !== "done" && !interrupted) return `fire ended ${fire?.status} ${JSON.stringify(fire?.data)}`
    if (interrupted && tasks["unsure"]?.status !== "done") return "what follows the interruption did not run"
    return null
  }
  const settled = tasks["settle"]?.status
  if (workflow === "booking") return settled === "done" ? null : `its payment was lost: ${settled}`
  return settled === "timed-out" && tasks["expire"]?.status === "done" ? null : `its timer was lost: ${settled}`
}

/** What the outside saw: keys are stable, effects that may not be repeated were not. */
export function auditEffects(ledger: Ledger, executions: readonly ExecutionView[], sink: Sink): Findings {
  const found = new FindingList()
  for (const [name, count] of sink.calls) {
    const repeatable = name.startsWith("write ") || name.startsWith("far ")
    if (count > 1 && !repeatable) found.add("effect repeated", `${name} happened ${count} times`)
  }
  for (const [name, keys] of sink.keys) {
    const sent = ledger.sent[Number(name.slice(name.indexOf(" ") + 1))]
    if (keys.size > 1 && sent !== undefined && EXACT.includes(sent.via))
      found.add("unstable key", `${name}: ${[...keys].join(", ")}`)
  }
  for (const { id, tasks, trigger } of executions) {
    for (const task of ["write", "charge", "fire", "far"]) {
      const { n } = trigger.data as { n: number }
      const seen = [...(sink.keys.get(`${task} ${n}`) ?? [])].some((key) => key.startsWith(`${id}.`))
      if (tasks[task]?.status === "done" && !seen) found.add("invented result", `${id}: ${task} is done and never was`)
    }
  }
  return found.list
}

/** The histories themselves, read past the agent: one result per task, each attempt started before it failed. */
export async function auditHistories(home: string): Promise<Findings> {
  const store = new LmdbStore({ dir: join(home, "data"), quotaBytes: 2 ** 34, copies: 0, log: new KeptLog() })
  await store.start()
  const found = new FindingList()
  try {
    for (const { key, value } of store.range(TABLE.finished)) {
      const id = key[0] as ExecutionId
      for (const wrong of wrongHistory(store, id, readEnded(value))) found.add("history", `${id}: ${wrong}`)
    }
    const open = new Set<unknown>(openExecutions(store).map(({ id }) => id))
    for (const id of open) found.add("unfinished", String(id))
    for (const { key } of store.range(TABLE.history)) {
      const isOwned = open.has(key[0]) || store.get(TABLE.finished, [key[0]!]) !== undefined
      if (!isOwned) found.add("history", `${key[0]}: a chunk of no execution`)
    }
  } finally {
    await store.stop()
  }
  return found.list
}

function wrongHistory(store: LmdbStore, id: ExecutionId, { written }: EndedExecution): string[] {
  const wrong: string[] = []
  const numbers = [...store.range(TABLE.history, { prefix: [id] })].map(({ key }) => key[1])
  if (written !== null && numbers.length !== written.chunks) wrong.push(`${numbers.length} of ${written.chunks} chunks`)
  if (numbers.some((number, index) => number !== index)) wrong.push("a chunk is missing")
  const inputs = storedSteps(store, id).flatMap((step) => step.inputs)
  const starts = new Map<number, number>()
  const ended = new Set<number>()
  inputs.forEach((input, index) => {
    if ((input.kind === "triggered") !== (index === 0)) wrong.push(`input ${index} is ${input.kind}`)
    if (input.kind === "started") {
      if (ended.has(input.task)) wrong.push(`task ${input.task} started after its result`)
      starts.set(input.task, (starts.get(input.task) ?? 0) + 1)
    }
    if (input.kind === "attempt-failed" && starts.get(input.task) !== input.attempt)
      wrong.push(`attempt ${input.attempt} of task ${input.task} failed, ${starts.get(input.task)} had started`)
    if (input.kind !== "result") return
    if (ended.has(input.task)) wrong.push(`task ${input.task} has a second result`)
    if (!starts.has(input.task)) wrong.push(`task ${input.task} has a result and was never started`)
    ended.add(input.task)
  })
  return wrong
}

const SHOWN_PER_KIND = 5

/** Keeps the first few of each kind and counts the rest, so that a broken build can be read. */
class FindingList {
  readonly #kinds = new Map<string, { shown: string[]; count: number }>()

  add(kind: string, what: string): void {
    const entry = this.#kinds.get(kind) ?? { shown: [], count: 0 }
    this.#kinds.set(kind, entry)
    entry.count++
    if (entry.shown.length < SHOWN_PER_KIND) entry.shown.push(`${kind}: ${what}`)
  }

  get list(): string[] {
    return [...this.#kinds].flatMap(([kind, { shown, count }]) =>
      count > shown.length ? [...shown, `${kind}: ${count} in all`] : shown,
    )
  }
}
