import assert from "node:assert/strict"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { chargerRig } from "../support/charger-rig.ts"
import { startHttpProxy } from "../support/http-proxy.ts"
import { type FlowNode, NODE_RED_VERSIONS, type NodeRedVersion, type Notice } from "../support/node-red.ts"
import { CHARGER, CHARGER_CODE, eventNode, injectNode, tab, taskNode } from "../support/node-red-flow.ts"
import { publishEvent } from "../support/publish-event.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

interface Listed {
  readonly name: string
  readonly version: number
}

interface Execution {
  readonly status: string
  readonly tasks: Readonly<Record<string, { readonly state: string; readonly status: string | null }>>
}

const NAME = "ev-charging"
const WAIT_MS = 60_000

/** event -> pay -> tell, and what is said of a payment that is refused. @param factor of the price */
function charging(factor: string, more: Readonly<Record<string, unknown>> = {}): FlowNode[] {
  const amount = { type: "jsonata", value: `trigger.data.kwh * ${factor}` }
  return [
    tab(NAME),
    eventNode("ended", "mesg:charger/finished", ["pay"]),
    taskNode(
      "pay",
      "mesg:charger.pay",
      ["paid", "refused"],
      { paid: ["tell"], refused: ["note"] },
      { with: { amount }, ...more },
    ),
    taskNode(
      "tell",
      "mesg:log.write",
      ["written"],
      {},
      { name: "tell", with: { message: { type: "str", value: "paid" } } },
    ),
    taskNode(
      "note",
      "mesg-task",
      ["written"],
      {},
      {
        ...{ service: "log", task: "write", name: "note" },
        with: { message: { type: "str", value: "refused" } },
      },
    ),
  ]
}

for (const version of Object.keys(NODE_RED_VERSIONS) as NodeRedVersion[])
  describe(`flows that Node-RED ${version} deploys to the agent`, function () {
    this.timeout(240_000)
    const rig = chargerRig(version)

    const applications = async () =>
      (await rig.agent.json<{ items: Listed[] }>("app", "list")).items.map(({ name, version }) => `${name} ${version}`)
    const executions = async () =>
      (await rig.agent.json<{ items: Execution[] }>("execution", "list", "--app", NAME)).items
    const status = (node: string, is: (text: string) => boolean) => {
      const isThis = ({ topic, data }: Notice) =>
        topic === `status/${node}` && is((data as { text?: string }).text ?? "")
      return rig.nodeRed.notice(isThis, `the status of ${node}`)
    }
    const publish = (kwh: number) => publishEvent(rig.agent, "charger", "finished", { kwh })
    /** What a crash interrupts in an effectful task is said on its `error`; the branch that follows it goes on. */
    const interruptible = () => {
      const changes: Record<string, object> = {
        pay: { wires: [["tell"], ["note"], ["note"], [], []] },
        note: { join: "any" },
      }
      return charging("3").map((node) => ({ ...node, ...changes[node.id] }))
    }
    const interrupted = async () => {
      await until(async () => (await executions())[0]?.status === "completed", WAIT_MS, "the end")
      const [{ tasks }] = (await executions()) as [Execution]
      assert.equal(tasks["pay"]!.status, "error")
      assert.equal(tasks["note"]!.status, "written")
    }
    const running = () =>
      until(async () => (await executions())[0]?.tasks["pay"]?.state === "started", WAIT_MS, "the payment")

    it("are applications, and each deploy of another flow is another version", async () => {
      await rig.nodeRed.deploy(charging("2"))
      await status("ended", (text) => text.endsWith("v1"))
      await rig.nodeRed.deploy(charging("3"))
      await status("ended", (text) => text.endsWith("v2"))
      assert.deepEqual(await applications(), [`${NAME} 2`])
    })

    it("show on every node what became of an event that mosquitto_pub sent", async () => {
      publish(5)
      await status("tell", (text) => text === "written")
      publish(50)
      await status("pay", (text) => text === "refused")
      await status("note", (text) => text === "written")
    })

    it("stay the same version when Node-RED starts again", async () => {
      await rig.nodeRed.kill()
      await rig.bringNodeRed()
      await status("ended", (text) => text.endsWith("v2"))
      assert.deepEqual(await applications(), [`${NAME} 2`])
    })

    it("go on and finish when Node-RED is killed", async () => {
      publish(17)
      await running()
      await rig.nodeRed.kill()
      await until(async () => (await executions())[0]?.status === "completed", WAIT_MS, "the end")
      assert.equal((await executions())[0]!.tasks["tell"]!.status, "written")
      await rig.bringNodeRed()
      await status("ended", (text) => text !== "")
    })

    it("go on and finish when the agent is killed in the middle", async () => {
      await rig.nodeRed.deploy(interruptible())
      await status("ended", (text) => text.endsWith("v3"))
      publish(17)
      await running()
      await rig.agent.kill()
      await rig.bringAgent()
      await status("note", (text) => text === "written")
      await interrupted()
    })

    it("start again and finish after Node-RED and the agent were killed at once", async () => {
      publish(17)
      await running()
      await Promise.all([rig.nodeRed.kill(), rig.agent.kill()])
      await rig.bringAgent()
      await interrupted()
      await rig.bringNodeRed()
      await status("ended", (text) => text !== "")
    })

    it("are refused on the node that breaks a rule, in the words of the command line", async () => {
      const broken = charging("3", { statuses: ["payed", "refused", "error", "timed-out", "cancelled"] })
      await rig.nodeRed.deploy(broken)
      const { data } = await status("pay", (text) => text === "UNKNOWN_STATUS")
      assert.equal((data as { fill: string }).fill, "red")
      const [said] = /UNKNOWN_STATUS: .*/.exec(rig.nodeRed.output())!
      const file = join(tempDir("application"), "app.json")
      const shown = await rig.agent.json<{ document: { workflows: Record<string, { tasks: { tell: object } }> } }>(
        "app",
        "show",
        NAME,
      )
      for (const { tasks } of Object.values(shown.document.workflows)) Object.assign(tasks.tell, { after: "pay.payed" })
      writeFileSync(file, JSON.stringify(shown.document))
      const { stdout } = await rig.agent.cli("app", "validate", file, "--json")
      const { refusals } = JSON.parse(stdout) as { refusals: { rule: string; message: string; remedy: string }[] }
      const { message, remedy } = refusals.find(({ rule }) => rule === "UNKNOWN_STATUS")!
      assert.equal(said, `UNKNOWN_STATUS: ${message}: ${remedy}`)
      assert.deepEqual(await applications(), [`${NAME} 3`], "what was there before goes on")
    })

    it("take the values of their settings as a password, which no editor is given back", async () => {
      const config = JSON.stringify({ key: { type: "string", secret: true } })
      const withValues = (values: string) => [
        { id: "settings", type: "mesg-settings", name: NAME, description: "", config, credentials: { values } },
        ...charging("3").map((node) => (node.id === "ended" ? { ...node, settings: "settings" } : node)),
      ]
      await rig.nodeRed.deploy(withValues("key: 5"))
      await status("ended", (text) => text === "SETTINGS_INVALID")
      await rig.nodeRed.deploy(withValues('{"key": "of the door"}'))
      await status("ended", (text) => text.endsWith("v4"))
      const given = await rig.nodeRed.admin("GET", "/credentials/mesg-settings/settings")
      assert.deepEqual(given, { has_values: true })
      assert.ok(!rig.nodeRed.output().includes("of the door"))
    })

    it("keep what is wrong with a node on it, whatever is said later", async () => {
      const unknown = charging("3").map((node) => (node.id === "ended" ? { ...node, type: "mesg:charger/gone" } : node))
      const inline = [
        { ...tab("Inline", "inline"), env: [] },
        injectNode("in", {}, ["one"]),
        taskNode("one", "mesg:log.write", ["written"], { written: ["two"], error: ["two"] }),
        taskNode("two", "mesg:log.write", ["written"], {}, { name: "two", join: "all" }),
      ].map((node) => (node.type === "tab" ? node : { ...node, z: "inline" }))
      await rig.nodeRed.deploy([...unknown, ...inline])
      await status("ended", (text) => text === "UNKNOWN_EVENT")
      await status("two", (text) => text === "JOIN_NEVER")
      const said = () => rig.nodeRed.output().match(/UNKNOWN_EVENT: /g)?.length
      const once = said()
      rig.nodeRed.forget()
      await rig.agent.json("service", "add", serviceFolder({ ...CHARGER, id: "other" }, CHARGER_CODE))
      await rig.nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette")
      const { data } = await status("ended", (text) => text !== "" && text !== "refused")
      assert.equal((data as { text: string }).text, "UNKNOWN_EVENT")
      assert.equal(said(), once, "what was refused again for the same reason is not said again")
      await rig.agent.kill()
      await status("two", (text) => text === "no agent")
      rig.nodeRed.forget()
      await rig.bringAgent()
      await status("two", (text) => text === "JOIN_NEVER")
      await rig.agent.json("service", "remove", "other")
    })

    it("leave alone an application that was not made here", async () => {
      const application = {
        name: "by-hand",
        workflows: {
          w: {
            trigger: { service: "charger", event: "unplugged" },
            tasks: { note: { run: "log.write", with: { message: "x" } } },
          },
        },
      }
      const answer = await rig.agent.api("PUT", "/applications/by-hand", { application })
      assert.equal(answer.status, 200)
      await rig.nodeRed.deploy(charging("3").map((node) => (node.type === "tab" ? tab("by hand") : node)))
      await status("ended", (text) => text === "NAME")
      await until(async () => (await applications()).join() === "by-hand 1", WAIT_MS, "the removal of the other one")
    })

    it("are known as made here when Node-RED is killed before it hears that they are there", async () => {
      const put = Promise.withResolvers<void>()
      let isHeld = true
      const proxy = await startHttpProxy(rig.agent.http, (method) => {
        if (method !== "PUT") return true
        put.resolve()
        return !isHeld
      })
      try {
        const credentials = { token: rig.agent.token }
        const far = { id: "far", type: "mesg-agent", name: "", url: proxy.url, credentials }
        const flow = charging("3").map((node) => (node.type === "tab" ? tab("heard late") : { ...node, agent: "far" }))
        await rig.nodeRed.deploy([far, ...flow])
        await put.promise
        await rig.nodeRed.kill()
        isHeld = false
        await rig.bringNodeRed()
        const { data } = await status("ended", (text) => text === "NAME" || /v\d+$/.test(text))
        assert.match((data as { text: string }).text, /v\d+$/)
        assert.ok((await applications()).some((application) => application.startsWith("heard-late ")))
        await rig.nodeRed.deploy([far])
        await until(async () => (await applications()).join() === "by-hand 1", WAIT_MS, "the removal")
      } finally {
        proxy.close()
      }
    })

    it("end with their flow: running executions finish, the application is removed", async () => {
      await rig.nodeRed.deploy(charging("3"))
      await status("ended", (text) => /v\d+$/.test(text))
      publish(17)
      await running()
      await rig.nodeRed.deploy([tab()])
      await until(async () => (await applications()).join() === "by-hand 1", WAIT_MS, "the removal")
      await until(async () => (await executions())[0]?.status === "completed", WAIT_MS, "the end")
    })

    it("are deployed as soon as an agent that was away is back", async () => {
      await rig.agent.kill()
      await rig.nodeRed.deploy(charging("4"))
      await status("ended", (text) => text === "not deployed" || text === "no agent")
      await rig.bringAgent()
      await status("ended", (text) => /v\d+$/.test(text))
      assert.equal((await applications()).length, 2)
    })

    it("are still those of their flow when what Node-RED remembers of them is lost", async () => {
      await rig.nodeRed.kill()
      rmSync(join(rig.nodeRed.userDir, "mesg-applications.json"))
      await rig.bringNodeRed()
      await status("ended", (text) => /v\d+$/.test(text))
      assert.equal((await applications()).length, 2)
    })

    it("are removed as soon as an agent that was away is back", async () => {
      await rig.agent.kill()
      await rig.nodeRed.deploy([tab()])
      await rig.bringAgent()
      await until(async () => (await applications()).join() === "by-hand 1", WAIT_MS, "the removal")
    })
  })
