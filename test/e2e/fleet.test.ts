import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const WAIT_MS = 60_000

interface Enrolment {
  readonly account: string
  readonly key: string
  readonly proof: string
}
interface Sent {
  readonly id: string
  readonly state: string
  readonly height: number
}

/** What the owner of some gateways does, by the commands that they have. */
describe("a fleet", function () {
  this.timeout(300_000)
  const agents = new Map<string, TestAgent>()
  after(async () => {
    for (const agent of agents.values()) await agent.kill()
  })

  const start = async (name: string) => {
    const known = []
    for (const other of agents.values()) {
      known.push(...(await other.json<{ addresses: readonly string[] }>("network", "status")).addresses)
    }
    const sets = ["network.enabled=true", "network.port=0", `network.peers=${known.join(",")}`]
    agents.set(name, await startAgent({ home: tempDir(`fleet-${name}`), sets }))
    return agents.get(name)!
  }
  const given = (value: unknown) => {
    const file = join(tempDir("fleet-file"), "value.json")
    writeFileSync(file, JSON.stringify(value))
    return `@${file}`
  }
  const joined = async (name: string, document: unknown) => {
    const agent = await start(name)
    await agent.json("network", "join", given(document))
    await agent.json("account", "create", "main")
    return agent
  }
  const height = async (agent: TestAgent) =>
    (await agent.json<{ chain: { height: number } }>("network", "status")).chain.height
  const votes = async (agent: TestAgent) =>
    (await agent.json<{ items: readonly unknown[] }>("network", "validators")).items.length

  it("grows from one gateway to four in one step, goes on without the first, and takes in a fifth", async () => {
    const house = await start("house")
    await house.json("network", "init", "farm")
    const document = await house.json("network", "genesis")
    const others = []
    for (const name of ["barn", "shop", "pump"]) others.push(await joined(name, document))
    const enrolments = []
    for (const other of others) enrolments.push(await other.json<Enrolment>("network", "enrolment"))

    const change = { validators: enrolments.map((one) => ({ ...one, power: 1 })) }
    const sent = await house.json<Sent>("network", "change", given(change))
    assert.equal(sent.state, "done")
    for (const agent of agents.values()) {
      await until(async () => (await votes(agent)) === 4, WAIT_MS, "four that decide", 200)
    }

    const unwilling = await house.cli("network", "leave")
    assert.equal(unwilling.code, 1)
    assert.match(unwilling.stderr, /VALIDATOR_LEAVES[^]*mesg network change/)

    await house.kill()
    agents.delete("house")
    const [barn, shop, pump] = others as [TestAgent, TestAgent, TestAgent]
    const field = await joined("field", document)
    const { account } = await field.json<Enrolment>("network", "enrolment")
    const next = { members: [{ account, isMember: true }] }
    const approvals = [
      await shop.json("network", "approve", given(next)),
      await pump.json("network", "approve", given(next)),
    ]
    const taken = await barn.json<Sent>("network", "change", given({ ...next, approvals }))
    assert.equal(taken.state, "done")
    await until(async () => (await height(field)) >= taken.height, WAIT_MS, "the fifth to follow", 200)
    assert.deepEqual(await field.json("network", "tx", taken.id), taken)
    assert.equal((await field.json<{ member: boolean }>("account", "show", "main")).member, true)
  })
})
