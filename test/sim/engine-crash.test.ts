import assert from "node:assert/strict"
import { seededRandom } from "../../agent/base/random.ts"
import type { Change, Store, WriteOptions } from "../../agent/ports/store.ts"
import type { TaskAnswer, TaskCall } from "../../agent/ports/service-host.ts"
import type { ExecutionId } from "../../agent/base/ids.ts"
import { TABLE } from "../../agent/schema/tables.ts"
import { storedSteps } from "../support/stored-steps.ts"
import { testEngine, type TestEngine, type TestService } from "../support/engine.ts"
import { FakeClock } from "../support/fake-clock.ts"
import { MemoryStore } from "../support/memory-store.ts"
import { scaled } from "../support/scale.ts"

/*
 * The power goes at every point where it can matter: before a write is durable, and after it is but before anything acts
 * on it. A world outside counts what really happened to it.
 */

type Cut = "before the commit" | "after the commit"

/** The world outside: it does not crash, and remembers every effect by its idempotency key. */
class World {
  readonly effects = new Map<string, number>()
  readonly random
  constructor(seed: number) {
    this.random = seededRandom(seed)
  }
  do(call: TaskCall): TaskAnswer {
    const key = `${call.execution} ${call.task}`
    this.effects.set(key, (this.effects.get(key) ?? 0) + 1)
    return { kind: "result", status: "ok", data: { n: (call.inputs as { n?: number }).n ?? 0 } }
  }
  has(call: TaskCall): boolean {
    return this.effects.has(`${call.execution} ${call.task}`)
  }
}

/** A store whose power goes at the nth write. */
class CutStore implements Store {
  readonly failed = new Promise<Error>(() => {})
  readonly inner: MemoryStore
  writes = 0
  cut = false
  readonly #at: number
  readonly #how: Cut
  readonly #powerOff: () => void

  constructor(inner: MemoryStore, at: number, how: Cut, powerOff: () => void) {
    this.inner = inner
    this.#at = at
    this.#how = how
    this.#powerOff = powerOff
  }

  write(changes: readonly Change[], options?: WriteOptions): Promise<void> {
    if (this.cut) return new Promise(() => {})
    this.writes++
    if (this.writes < this.#at) return this.inner.write(changes, options)
    this.cut = true
    if (this.#how === "before the commit") {
      this.#powerOff()
      return new Promise(() => {})
    }
    return this.inner.write(changes, options).then(() => {
      this.#powerOff()
      return new Promise<void>(() => {})
    })
  }

  get = (table: string, key: readonly (string | number)[]) => this.inner.get(table, key)
  range = (table: string, range?: Parameters<Store["range"]>[1]) => this.inner.range(table, range)
  count = (table: string, range?: Parameters<Store["count"]>[1]) => this.inner.count(table, range)
  usage = () => this.inner.usage()
  isFull = () => this.inner.isFull()
  endWaiting = () => this.inner.endWaiting()
  backup = () => this.inner.backup()
}

const DATA = { data: { type: "object" } }
const EFFECTS = { pure: "pure", again: "idempotent", once: "effectful" } as const

function services(world: World, isOn: () => boolean): TestService[] {
  return [
    {
      manifest: {
        id: "work",
        name: "Work",
        version: "1.0.0",
        events: { go: DATA, more: DATA },
        tasks: Object.fromEntries(
          Object.entries(EFFECTS).map(([name, effect]) => [name, { statuses: { ok: DATA }, effect }]),
        ),
      },
      // Half of the answers take a turn, so that cuts fall between an effect and its record.
      async execute(call) {
        if (!isOn()) return new Promise(() => {})
        const answer = world.do(call)
        if (world.random.next() < 0.5) await new Promise((resolve) => setImmediate(resolve))
        return isOn() ? answer : new Promise(() => {})
      },
      recover: (call) =>
        world.has(call) ? { kind: "result", status: "ok", data: { recovered: true } } : { kind: "not-done" },
    },
  ]
}

const APP = {
  name: "story",
  workflows: {
    w: {
      trigger: { service: "work", event: "go" },
      tasks: {
        a: { run: "work.pure", with: { n: "{{ trigger.data.n }}" } },
        b: { run: "work.once", after: "a.ok", with: { n: "{{ tasks.a.data.n }}" } },
        c: { run: "work.again", after: "a.ok" },
        d: {
          run: "work.once",
          after: ["b.ok", "c.ok"],
          wait: { service: "work", event: "more", where: "data.n = trigger.data.n", timeout: "1m" },
        },
        late: { run: "work.pure", after: "d.timed-out" },
      },
    },
  },
}
const EVENTS = [1, 2, 3]

/** One life of the gateway. @returns how many writes were made, and whether the power went */
async function live(world: World, memory: MemoryStore, clock: FakeClock, at: number, how: Cut) {
  let on = true
  const store = new CutStore(memory, at, how, () => {
    on = false
  })
  const test = await testEngine(
    services(world, () => on),
    { store, clock, seed: world.random.below(2 ** 31), start: false },
  )
  const story = async () => {
    await test.engine.start()
    if (memory.get(TABLE.application, ["story"]) === undefined) await test.engine.applications.deploy(APP, {})
    // Senders repeat what was never acknowledged, and even what was.
    for (const n of EVENTS)
      await test.engine.events.accept({ service: "work", event: "go", data: { n }, id: `go-${n}` })
    await test.pass(1000)
    for (const n of EVENTS.slice(0, 2)) {
      await test.engine.events.accept({ service: "work", event: "more", data: { n }, id: `more-${n}` })
    }
    await test.pass(150_000)
  }
  let told = false
  const telling = story().finally(() => {
    told = true
  })
  await Promise.race([telling, untilOff(() => on && !told)])
  test.engine.stop().catch(() => {})
  return { writes: store.writes, cut: store.cut, test }
}

async function untilOff(isOn: () => boolean): Promise<void> {
  while (isOn()) await new Promise((resolve) => setImmediate(resolve))
}

function checkEnd(test: TestEngine, world: World, memory: MemoryStore, about: string): void {
  const list = test.engine.executions.list({ limit: 100 }).items
  assert.equal(list.length, EVENTS.length, `${about}: one execution for each event`)
  for (const execution of list) {
    assert.equal(execution.status, "completed", `${about}: ${JSON.stringify(execution.tasks)}`)
    const { n } = execution.trigger.data as { n: number }
    assert.equal(execution.tasks["d"]?.status, n === 3 ? "timed-out" : "ok", about)
    const id = execution.id as ExecutionId
    const inputs = storedSteps(memory, id).flatMap((step) => step.inputs)
    for (const task of [0, 1, 2]) {
      const results = inputs.filter((input) => input.kind === "result" && input.task === task)
      assert.equal(results.length, 1, `${about}: one result for each task`)
    }
  }
  for (const [key, count] of world.effects) {
    if (key.endsWith(" once")) assert.equal(count, 1, `${about}: ${key} happened ${count} times`)
  }
}

describe("the engine when the power goes", function () {
  this.timeout(300_000)

  it("loses and doubles nothing, whatever write it goes at", async () => {
    const world = new World(1)
    const whole = await live(world, new MemoryStore(), new FakeClock(), Number.POSITIVE_INFINITY, "before the commit")
    assert.equal(whole.cut, false)
    const step = Math.max(1, Math.floor(whole.writes / scaled(12, 1000)))
    for (const how of ["before the commit", "after the commit"] as const) {
      for (let at = 1; at <= whole.writes; at += step) {
        const about = `cut ${how} of write ${at}`
        const survivor = new World(at)
        const first = new MemoryStore()
        const clock = new FakeClock()
        const before = await live(survivor, first, clock, at, how)
        assert.equal(before.cut, true, about)
        const second = first.crash()
        const after = await live(survivor, second, clock, Number.POSITIVE_INFINITY, how)
        checkEnd(after.test, survivor, second, about)
      }
    }
  })

  it("survives one cut after the other", async () => {
    for (let seed = 1; seed <= scaled(5, 200); seed++) {
      const world = new World(seed)
      const random = seededRandom(seed)
      const clock = new FakeClock()
      let memory = new MemoryStore()
      for (let life = 0; life < 6; life++) {
        const how = random.next() < 0.5 ? "before the commit" : "after the commit"
        await live(world, memory, clock, 1 + random.below(12), how)
        memory = memory.crash()
      }
      const last = await live(world, memory, clock, Number.POSITIVE_INFINITY, "before the commit")
      checkEnd(last.test, world, memory, `seed ${seed}`)
    }
  })
})
