import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { join } from "node:path"
import { connectAsync } from "mqtt"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { Gate, install, deploy, emit, executionsOf, ended, dataOf } from "../support/lab.ts"
import { until } from "../support/until.ts"

describe("an agent at its limits", function () {
  this.timeout(60_000)
  const gate = new Gate()
  let agent: TestAgent

  before(() => gate.start())
  after(() => gate.stop())
  let agents: TestAgent[] = []
  const started = async (options: Parameters<typeof startAgent>[0]): Promise<TestAgent> => {
    const one = await startAgent(options)
    agents.push(one)
    return one
  }
  afterEach(async () => {
    for (const one of agents) await one.kill()
    agents.at(-1)?.clean()
    agents = []
  })

  const held = { hold: { run: "lab.hold", with: { name: "{{ trigger.data.name }}" } } }

  it("answers 429 with Retry-After past executions.maxActive; QoS 1 publishers wait and lose nothing", async () => {
    agent = await started({ sets: ["executions.maxActive=3"] })
    await install(agent, gate)
    await deploy(agent, "full", held)
    for (const name of ["a", "b", "c"]) await emit(agent, "full", { name })
    await gate.holding("a", "b", "c")
    const refused = await agent.api("POST", "/services/lab/events/seen", { data: { app: "full", name: "d" } })
    assert.equal(refused.status, 429)
    assert.equal(((await refused.json()) as { code: string }).code, "OVERLOADED")
    assert.ok(Number(refused.headers.get("retry-after")) >= 1)

    const client = await connectAsync(agent.mqtt.url, { protocolVersion: 4 })
    let acknowledged = 0
    const published = Array.from({ length: 20 }, async (_, n) => {
      const payload = JSON.stringify({ app: "full", name: `q${n}` })
      await client.publishAsync("mesg/v1/lab/event/seen", payload, { qos: 1 })
      acknowledged++
    })
    // An event that makes no execution is taken meanwhile: proof that the agent has seen what came before it.
    const other = await connectAsync(agent.mqtt.url, { protocolVersion: 4 })
    await other.publishAsync("mesg/v1/lab/event/paid", "{}", { qos: 1 })
    await other.endAsync()
    assert.equal(acknowledged, 0)
    for (const name of ["a", "b", "c", ...Array.from({ length: 20 }, (_, n) => `q${n}`)]) {
      await gate.holding(name)
      assert.ok(gate.held.size <= 3)
      gate.open(name)
    }
    await Promise.all(published)
    await client.endAsync()
    await ended(agent, "full", 23)
  })

  it("prunes finished executions oldest first at store.quotaMb, running ones never, and refuses what has no room", async () => {
    const quotaMb = 8
    const options = { sets: [`store.quotaMb=${quotaMb}`, "store.copies=0"] }
    agent = await started(options)
    await install(agent, gate)
    await deploy(agent, "kept", held)
    await deploy(agent, "passing", { take: { run: "lab.note" } })
    await emit(agent, "kept", { name: "first of all" })
    await gate.holding("first of all")
    const filler = "x".repeat(20_000)
    let sent = 0
    let refusals = 0
    const accepted: number[] = []
    const send = async (app: string, data: object) => {
      const answer = await agent.api("POST", "/services/lab/events/seen", { data: { app, ...data, filler } })
      await answer.arrayBuffer()
      if (answer.status !== 202) assert.equal(answer.status, 429)
      return answer.status === 202
    }
    const oldestKept = async () => Number(dataOf((await executionsOf(agent, "passing"))[0]!)["n"])
    // More than fits, several times over: pruning makes room, or the sender is told to come back.
    while (sent < 800) {
      const n = sent
      if (await send("passing", { n })) {
        accepted.push(n)
        sent++
      } else {
        refusals++
        await until(() => send("passing", { n }).then((taken) => taken && accepted.push(n) > 0), 20_000, "room", 200)
        sent++
      }
    }
    await until(async () => (await oldestKept()) > 0, 20_000, "the oldest to go")
    const settled = async () => (await executionsOf(agent, "passing")).every(({ status }) => status === "completed")
    await until(settled, 10_000, "all ends")
    const numbers = (await executionsOf(agent, "passing")).map((execution) => Number(dataOf(execution)["n"]))
    assert.deepEqual(numbers, accepted.slice(accepted.length - numbers.length), "the newest are kept, none is missing")
    const [running] = await executionsOf(agent, "kept")
    assert.equal(running?.status, "running")
    const fitsQuota = () => {
      const { size, blocks } = statSync(join(agent.home, "data/store.mdb"))
      assert.ok(Math.max(size, blocks * 512) <= quotaMb * 1048576, `the file has ${size} bytes in ${blocks} blocks`)
    }
    fitsQuota()

    // Only running ones now: nothing may be pruned for them, so at last they are refused; and they all finish.
    let taken = 0
    while (taken < 1000 && (await send("kept", { name: `held-${taken}` }))) taken++
    assert.ok(taken > 10 && taken < 1000, `${taken} were taken`)
    fitsQuota()
    await agent.kill()
    agent = await started({ home: agent.home, ...options })
    assert.equal((await executionsOf(agent, "kept")).length, taken + 1)
    const completed = async () => (await executionsOf(agent, "kept", "&status=completed")).length
    const release = async () => {
      for (const name of gate.held.keys()) gate.open(name)
      return (await completed()) === taken + 1
    }
    await until(release, 30_000, "the end of all that were held", 20)
    await ended(agent, "kept", taken + 1)
    fitsQuota()
    console.log(
      `      ${sent} passed, ${refusals} times refused meanwhile, ${numbers.length} kept; ${taken} held at once`,
    )
  })
})
