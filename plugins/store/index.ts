import { defineService, type Json, type ServiceStore, type TaskContext } from "../../agent/sdk.ts"

/**
 * What is kept under a key: the value, and what the latest executions were answered, in one durable write. A task that is
 * tried again after a crash gets the answer of its first run instead of a second effect.
 */
interface Kept {
  readonly v: 1
  readonly value?: Json
  readonly answers: readonly Answer[]
}
interface Answer {
  readonly execution: string
  readonly status: string
  readonly data: { readonly [name: string]: Json }
}

/** At least as many as one task may have running when the agent dies (64, docs/reference/limits.md), for each of the three tasks that write. */
const ANSWERS_KEPT = 192
/** An answer that holds a large value is not kept: the record must fit its limit of 64 KiB. */
const ANSWERS_BYTES_MAX = 24 * 1024

type Change = (before: Json | undefined) => { after: Json; status: string; data: Answer["data"] }

/** Changes of one key happen one after the other. */
const turns = new Map<string, Promise<unknown>>()

function inTurn<Value>(key: string, work: () => Promise<Value>): Promise<Value> {
  const turn = (turns.get(key) ?? Promise.resolve()).then(work, work)
  const settled = turn.then(
    () => undefined,
    () => undefined,
  )
  turns.set(key, settled)
  void settled.then(() => {
    if (turns.get(key) === settled) turns.delete(key)
  })
  return turn
}

/** Values live under `key/…`; the answers of tasks that took a value away live under a name of their own. */
const DELETED = "deleted"
const nameOf = (key: string) => `key/${key}`

async function kept(store: ServiceStore, name: string): Promise<Kept> {
  return ((await store.get(name)) as Kept | undefined) ?? { v: 1, answers: [] }
}

function answerOf(record: Kept, ctx: TaskContext) {
  const given = record.answers.find((answer) => answer.execution === ctx.execution)
  return given === undefined ? null : { status: given.status, data: given.data }
}

function change(key: string, ctx: TaskContext, how: Change) {
  return inTurn(nameOf(key), async () => {
    const record = await kept(ctx.store, nameOf(key))
    const given = answerOf(record, ctx)
    if (given !== null) return given
    const { after, status, data } = how(record.value)
    if (after === record.value) return { status, data }
    const answers = fitting([...record.answers, { execution: ctx.execution, status, data }])
    await ctx.store.set(nameOf(key), { v: 1, value: after, answers } satisfies Kept)
    return { status, data }
  })
}

/** The answer is durable before the value goes, so that a crash in between is finished by the next run. */
function remove(key: string, ctx: TaskContext) {
  return inTurn(nameOf(key), async () => {
    const given = answerOf(await kept(ctx.store, DELETED), ctx)
    const { value } = await kept(ctx.store, nameOf(key))
    if (given === null && value === undefined) return { status: "missing", data: {} }
    const answer = given ?? { status: "deleted", data: { before: value as Json } }
    if (given === null) {
      await inTurn(DELETED, async () => {
        const { answers } = await kept(ctx.store, DELETED)
        await ctx.store.set(DELETED, { v: 1, answers: fitting([...answers, { execution: ctx.execution, ...answer }]) })
      })
    }
    await ctx.store.delete(nameOf(key))
    return answer
  })
}

/** The newest answers that fit. */
function fitting(answers: readonly Answer[]): readonly Answer[] {
  let bytes = 0
  const newest = answers.slice(-ANSWERS_KEPT).reverse()
  return newest.filter((answer) => (bytes += JSON.stringify(answer).length) <= ANSWERS_BYTES_MAX).reverse()
}

export default defineService({
  tasks: {
    async get({ key }: { key: string }, ctx) {
      const { value } = await kept(ctx.store, nameOf(key))
      return value === undefined ? { status: "missing", data: {} } : { status: "found", data: { value } }
    },
    set({ key, value }: { key: string; value: Json }, ctx) {
      return change(key, ctx, (before) =>
        before === undefined
          ? { after: value, status: "created", data: {} }
          : { after: value, status: "replaced", data: { before } },
      )
    },
    delete: ({ key }: { key: string }, ctx) => remove(key, ctx),
    increment({ key, by = 1 }: { key: string; by?: number }, ctx) {
      return change(key, ctx, (before = 0) => {
        const value = typeof before === "number" ? before + by : Number.NaN
        if (!Number.isFinite(value)) return { after: before, status: "not-a-number", data: { value: before } }
        return { after: value, status: "incremented", data: { value } }
      })
    },
  },
})
