import { defineService, type Json, type ServiceStore, type TaskContext } from "../../agent/sdk.ts"

/**
 * What is kept under a key: the value, and what the latest executions were answered, in one durable write. A task that is
 * tried again after a crash gets the answer of its first run instead of a second effect, however many others came between.
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

/** So many lie beside the value; the older ones are put aside in batches, before the value is written without them. */
const ANSWERS_BESIDE_MAX = 192
/** Batches that are put aside: with small answers more of them than executions may run at once (20,000). */
const BATCHES_KEPT = 224
/** An answer that holds a large value is not kept: the record must fit its limit of 64 KiB. */
const ANSWERS_BYTES_MAX = 24 * 1024

interface Batch {
  readonly v: 1
  readonly number: number
  readonly name: string
  readonly answers: readonly Answer[]
}

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

function answerOf(name: string, record: Kept, ctx: TaskContext) {
  const given = record.answers.find((answer) => answer.execution === ctx.execution) ?? aside.find(name, ctx.execution)
  return given === undefined ? null : { status: given.status, data: given.data }
}

function change(key: string, ctx: TaskContext, how: Change) {
  return inTurn(nameOf(key), async () => {
    const record = await kept(ctx.store, nameOf(key))
    const given = answerOf(nameOf(key), record, ctx)
    if (given !== null) return given
    const { after, status, data } = how(record.value)
    if (after === record.value) return { status, data }
    const answers = await beside(
      nameOf(key),
      [...record.answers, { execution: ctx.execution, status, data }],
      ctx.store,
    )
    await ctx.store.set(nameOf(key), { v: 1, value: after, answers } satisfies Kept)
    return { status, data }
  })
}

/** The answer is durable before the value goes, so that a crash in between is finished by the next run. */
function remove(key: string, ctx: TaskContext) {
  return inTurn(nameOf(key), async () => {
    const given = answerOf(DELETED, await kept(ctx.store, DELETED), ctx)
    const { value } = await kept(ctx.store, nameOf(key))
    if (given === null && value === undefined) return { status: "missing", data: {} }
    const answer = given ?? { status: "deleted", data: { before: value as Json } }
    if (given === null) {
      await inTurn(DELETED, async () => {
        const { answers } = await kept(ctx.store, DELETED)
        const all = [...answers, { execution: ctx.execution, ...answer }]
        await ctx.store.set(DELETED, { v: 1, answers: await beside(DELETED, all, ctx.store) })
      })
    }
    await ctx.store.delete(nameOf(key))
    return answer
  })
}

/** Answers of all keys that no longer lie beside their value, the newest batches of them. */
class Aside {
  readonly #batches: (Batch | undefined)[] = []
  readonly #answers = new Map<string, Answer>()
  #next = 0
  #turn: Promise<void> = Promise.resolve()

  async load(store: ServiceStore): Promise<void> {
    for (let slot = 0; slot < BATCHES_KEPT; slot++) {
      const batch = (await store.get(`answers/${slot}`)) as Batch | undefined
      if (batch === undefined) continue
      this.#batches[slot] = batch
      this.#next = Math.max(this.#next, batch.number + 1)
    }
    for (const batch of this.#batches) if (batch !== undefined) this.#index(batch)
  }

  find(name: string, execution: string): Answer | undefined {
    return this.#answers.get(`${execution} ${name}`)
  }

  /** Resolves when they are durable. */
  put(name: string, answers: readonly Answer[], store: ServiceStore): Promise<void> {
    const put = async () => {
      const batch: Batch = { v: 1, number: this.#next, name, answers }
      const slot = batch.number % BATCHES_KEPT
      await store.set(`answers/${slot}`, batch)
      this.#next++
      const before = this.#batches[slot]
      for (const answer of before?.answers ?? []) {
        const at = `${answer.execution} ${before!.name}`
        if (this.#answers.get(at) === answer) this.#answers.delete(at)
      }
      this.#batches[slot] = batch
      this.#index(batch)
    }
    const turn = this.#turn.then(put)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #index({ name, answers }: Batch): void {
    for (const answer of answers) this.#answers.set(`${answer.execution} ${name}`, answer)
  }
}

let aside = new Aside()

/** Which answers stay beside a value that was just given one more: the older ones are put aside first. */
async function beside(name: string, answers: readonly Answer[], store: ServiceStore): Promise<readonly Answer[]> {
  const bytes = answers.reduce((sum, answer) => sum + JSON.stringify(answer).length, 0)
  if (answers.length <= ANSWERS_BESIDE_MAX && bytes <= ANSWERS_BYTES_MAX) return answers
  const newest = answers.at(-1)!
  const older = answers.slice(0, -1)
  if (older.length > 0) await aside.put(name, older, store)
  return JSON.stringify(newest).length <= ANSWERS_BYTES_MAX ? [newest] : []
}

export default defineService({
  async start(ctx) {
    aside = new Aside()
    await aside.load(ctx.store)
  },
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
