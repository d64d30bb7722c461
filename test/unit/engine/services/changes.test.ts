import assert from "node:assert/strict"
import { SERVICE_RESTART_DELAY_MS_MIN } from "../../../../agent/base/limits.ts"
import { Hosted } from "../../../../agent/engine/services/hosted.ts"
import type { RunningService, ServiceBridge, ServiceHost, ServiceSpec } from "../../../../agent/ports/service-host.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { manifestOf, testEngine } from "../../../support/engine.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { KeptLog } from "../../../support/kept-log.ts"

const work: ManifestInput = {
  id: "work",
  name: "Work",
  version: "1.0.0",
  isolation: "in-process",
  config: { one: { type: "number" }, two: { type: "number" } },
  tasks: { do: { statuses: { ok: { data: {} } }, effect: "pure" } },
}

/** A service whose runs stop when they are told that they may. */
function slowToStop() {
  const mayStop = Promise.withResolvers<void>()
  const runs: RunningService[] = []
  const hosted = new Hosted(specOf(), {
    clock: new FakeClock(),
    log: new KeptLog(),
    host: {
      manifestOf: async () => manifestOf(work),
      async run() {
        const run = { stop: () => mayStop.promise, memory: () => null } as unknown as RunningService
        runs.push(run)
        return run
      },
    },
    hide: (text) => text,
    settled: () => {},
    bridge: () => ({ bridge: {} as ServiceBridge, close: () => {} }),
    changed: () => {},
  })
  return { hosted, runs, mayStop }
}

function specOf(): ServiceSpec {
  const manifest = manifestOf(work)
  return { manifest, folder: "work", isolation: "in-process", config: {}, grants: { network: "declared" } }
}

describe("a service whose host throws before it has promised anything", () => {
  it("has failed, says why, and is tried again", async () => {
    const clock = new FakeClock()
    let tries = 0
    const host: ServiceHost = {
      manifestOf: async () => manifestOf(work),
      run() {
        tries++
        throw new Error("no such program")
      },
    }
    const hosted = new Hosted(specOf(), {
      clock,
      log: new KeptLog(),
      host,
      hide: (text) => text,
      settled: () => {},
      bridge: () => ({ bridge: {} as ServiceBridge, close: () => {} }),
      changed: () => {},
    })
    await hosted.start()
    assert.deepEqual([hosted.state, hosted.error], ["failed", { code: "START_FAILED", message: "no such program" }])
    clock.advance(SERVICE_RESTART_DELAY_MS_MIN)
    assert.equal(tries, 2)
    await hosted.stop()
  })
})

describe("a service that is changed while it runs", () => {
  it("keeps calls that come meanwhile waiting for the new one", async () => {
    const { hosted, runs, mayStop } = slowToStop()
    await hosted.start()
    const replaced = hosted.replace(specOf())
    const answer = hosted.whenRunning({ signal: AbortSignal.timeout(1000) })
    mayStop.resolve()
    await replaced
    assert.equal(runs.length, 2)
    assert.equal(await answer, runs[1])
  })

  it("answers nobody once it is stopped", async () => {
    const { hosted, mayStop } = slowToStop()
    await hosted.start()
    const stopped = hosted.stop()
    assert.equal(await hosted.whenRunning({ signal: AbortSignal.timeout(1000) }), null)
    mayStop.resolve()
    await stopped
  })

  it("twice at once takes both changes, one after the other", async () => {
    const test = await testEngine([{ manifest: work }])
    const { services } = test.engine
    await Promise.all([
      services.configure("work" as never, { one: 1 }),
      services.configure("work" as never, { two: 2 }),
    ])
    assert.deepEqual(services.show("work" as never).config, { one: 1, two: 2 })
    await test.stop()
  })
})

describe("a service that ends by itself", () => {
  it("is started again once, however often and however late its run says so", async () => {
    let starts = 0
    const late = Promise.withResolvers<void>()
    const test = await testEngine([
      {
        manifest: work,
        start(bridge) {
          if (++starts > 1) return
          const ended = () => bridge.ended({ code: "SERVICE_THREW", message: "uncaught" })
          ended()
          ended()
          void late.promise.then(ended)
          throw new Error("it has thrown before")
        },
      },
    ])
    assert.deepEqual([starts, test.engine.services.show("work" as never).restarts], [1, 1])
    late.resolve()
    await test.pass(SERVICE_RESTART_DELAY_MS_MIN * 4)
    const { state, restarts } = test.engine.services.show("work" as never)
    assert.deepEqual([starts, state, restarts], [2, "running", 1])
    await test.stop()
  })
})

describe("a service that is removed", () => {
  it("leaves no value behind, not even one that it sets while it stops", async () => {
    let bridge: ServiceBridge
    const leaving = {
      manifest: { ...work, id: "leaving" },
      start: (own: ServiceBridge) => void (bridge = own),
      stop: () => bridge.storeSet("last", "word"),
    }
    const test = await testEngine([{ manifest: work }], { addable: [leaving] })
    await test.engine.services.add("leaving", { trust: true })
    await bridge!.storeSet("first", "word")
    assert.equal(test.store.count(TABLE.serviceStore), 1)
    await test.engine.services.remove("leaving" as never)
    assert.equal(test.store.count(TABLE.serviceStore), 0)
    await test.stop()
  })
})
