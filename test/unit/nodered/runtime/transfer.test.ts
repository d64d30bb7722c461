import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import type { Exported, Imported } from "../../../../nodered-nodes/src/runtime/transfer/view.ts"
import { startAgent, type TestAgent } from "../../../support/agent.ts"
import { asKept } from "../../../support/flows.ts"
import { type NodeRed, startNodeRed } from "../../../support/node-red.ts"
import { ROOT } from "../../../support/sources.ts"

describe("application files and flows, in a real Node-RED", function () {
  this.timeout(120_000)
  let nodeRed: NodeRed
  let agent: TestAgent | null = null
  before(async function () {
    this.timeout(300_000)
    nodeRed = await startNodeRed({ env: { MESG_HOME: "/nowhere" } })
  })
  after(async () => {
    await nodeRed?.kill()
    await agent?.stop()
    agent?.clean()
  })

  const draw = (text: string) => nodeRed.admin<Imported>("POST", "/mesg/import", { text })
  const write = (flows: readonly object[]) => nodeRed.admin<readonly Exported[]>("POST", "/mesg/export", { flows })

  const rules = join(ROOT, "test/golden/rules")
  const files = [
    ...readdirSync(rules)
      .filter((name) => /^valid-.*\.yml$/.test(name))
      .map((name) => join(rules, name)),
    join(ROOT, "docs/examples/electric-car/app.yml"),
  ]

  it("are the same after a way there and back, in every valid example", async () => {
    assert.ok(files.length > 25)
    for (const file of files) {
      const text = readFileSync(file, "utf8")
      const imported = await draw(text)
      assert.ok(imported.ok, file)
      const [exported, ...others] = await write(imported.nodes)
      assert.deepEqual([others, exported!.refusals], [[], []], file)
      assert.deepEqual(asKept(parse(exported!.text)), asKept(parse(text)), file)
    }
  })

  it("may be JSON", async () => {
    const app = {
      name: "say",
      workflows: { on: { trigger: { service: "a", event: "b" }, tasks: { t: { run: "log.write" } } } },
    }
    assert.ok((await draw(JSON.stringify(app))).ok)
  })

  it("are refused with the place and the words of the CLI", async () => {
    const broken = await draw("name: x\nworkflows: [")
    assert.ok(!broken.ok)
    assert.match(broken.refusals[0]!.where, /^\d+:\d+$/)
    assert.equal(broken.refusals[0]!.code, "SYNTAX")
    const shapeless = await draw("name: x")
    assert.ok(!shapeless.ok)
    assert.deepEqual([shapeless.refusals[0]!.where, shapeless.refusals[0]!.code], ["workflows", "SCHEMA"])
  })

  it("are judged by the agent where there is one", async () => {
    agent = await startAgent()
    await nodeRed.kill()
    nodeRed = await startNodeRed({ env: { MESG_HOME: agent.home } })
    await nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette")
    const text = "name: x\nworkflows: {on: {trigger: {service: nobody, event: never}, tasks: {t: {run: log.write}}}}"
    const refused = await draw(text)
    assert.ok(!refused.ok)
    assert.deepEqual(
      refused.refusals.filter(({ code }) => code === "UNKNOWN_SERVICE").map(({ where }) => where),
      ["/workflows/on/trigger/service"],
    )
    const unjudged = await nodeRed.admin<Imported>("POST", "/mesg/import", { text, agent: "drawn-and-not-deployed" })
    assert.ok(unjudged.ok, "nobody is asked in place of the agent that is meant")
  })

  it("are written though they cannot be deployed yet, with what is wrong", async () => {
    const event = { id: "e", type: "mesg-event", z: "t", x: 1, y: 1, service: "", event: "", wires: [["w"]] }
    const task = {
      id: "w",
      type: "mesg-task",
      z: "t",
      x: 1,
      y: 1,
      service: "log",
      task: "write",
      statuses: ["written"],
      wires: [[]],
    }
    const [exported] = await write([{ id: "t", type: "tab", label: "Half done" }, event, task])
    assert.equal(exported!.name, "half-done")
    assert.deepEqual(
      exported!.refusals.map(({ where, code }) => [where, code]),
      [["e", "NOTHING_CHOSEN"]],
    )
  })
})
