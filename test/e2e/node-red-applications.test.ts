import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import type { Browser, Page } from "playwright-core"
import { parse } from "yaml"
import type { PaletteView } from "../../nodered-nodes/src/runtime/palette/definition.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { asKept } from "../support/flows.ts"
import {
  type FlowNode,
  NODE_RED_VERSIONS,
  type NodeRed,
  type NodeRedVersion,
  startNodeRed,
} from "../support/node-red.ts"
import {
  deployDrawn,
  endDialog,
  fillInput,
  nodeOf,
  openBrowser,
  openDialog,
  openEditor,
  themesOf,
  wire,
} from "../support/node-red-editor.ts"
import {
  applicationNode,
  CHARGER,
  CHARGER_CODE,
  eventNode,
  serviceResultNode,
  tab,
  taskNode,
} from "../support/node-red-flow.ts"
import { contrasts, nodesOnTab, setDark, unnamedFields, wiredPorts } from "../support/editor-page.mjs"
import { publishEvent } from "../support/publish-event.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"
import { within } from "../support/within.ts"

const WAIT_MS = 60_000
const SHOWN_MS = 1000
const BUILT_IN = ["error", "timed-out", "cancelled"]

interface Execution {
  readonly status: string
  readonly tasks: Readonly<Record<string, { readonly status: string | null; readonly data: unknown }>>
}

const TELL = taskNode(
  "tell",
  "mesg:log.write",
  ["written"],
  {},
  { x: 700, with: { message: { type: "str", value: "x" } } },
)

/** A file with an application that only the other agent can take. */
const FILE = `name: through-a-browser
description: Calls what the other agent offers
workflows:
  main:
    trigger: { service: charger, event: finished, where: "data.kwh > 0" }
    tasks:
      call:
        run: app:elsewhere
        with: { kwh: "{{ trigger.data.kwh }}" }
      tell:
        run: log.write
        with: { message: "{{ tasks.call.status }}" }
        after: [call.undone, call.error]
        join: any
`

/** On one tab what calls, in front of what is called, on another one. */
const CALLER_AND_CALLED: readonly FlowNode[] = [
  tab("charging"),
  eventNode("ended", "mesg:charger/finished", ["book"]),
  applicationNode(
    "book",
    "bookkeeping",
    ["filed", "kept"],
    { filed: ["tell"], kept: ["tell"] },
    {
      with: { car: { type: "jsonata", value: "$string(trigger.data.kwh)" } },
    },
  ),
  taskNode(
    "tell",
    "mesg:log.write",
    ["written"],
    {},
    {
      name: "tell",
      join: "any",
      with: { message: { type: "str", value: "booked {{ tasks.bookkeeping.data.amount }}" } },
    },
  ),
  { id: "public", type: "mesg-settings", name: "bookkeeping", description: "", visibility: "public", config: "" },
  tab("books", "books"),
  ...[
    eventNode("unplugged", "mesg:charger/unplugged", ["pay"], { settings: "public" }),
    taskNode(
      "pay",
      "mesg:charger.pay",
      ["paid", "refused"],
      { paid: ["filed"], refused: ["kept"] },
      {
        with: { amount: { type: "jsonata", value: "$number(trigger.data.car)" } },
      },
    ),
    serviceResultNode("filed", "filed"),
    serviceResultNode("kept", "kept"),
  ].map((node) => ({ ...node, z: "books" })),
]

for (const version of Object.keys(NODE_RED_VERSIONS) as NodeRedVersion[]) {
  describe(`applications and the flows of Node-RED ${version}`, function () {
    this.timeout(240_000)
    let agents: TestAgent[]
    let nodeRed: NodeRed
    let browser: Browser
    let page: Page
    before(async function () {
      this.timeout(400_000)
      agents = await Promise.all([startAgent(), startAgent()])
      for (const agent of agents) await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
      nodeRed = await startNodeRed({ version, env: { MESG_HOME: agents[0]!.home } })
      browser = await openBrowser()
    })
    after(async () => {
      await browser?.close()
      await nodeRed?.kill()
      for (const agent of agents ?? []) {
        await agent.stop()
        agent.clean()
      }
    })

    const status = (node: string, is: (text: string) => boolean) =>
      nodeRed.notice(
        ({ topic, data }) => topic === `status/${node}` && is((data as { text?: string }).text ?? ""),
        `the status of ${node}`,
      )
    const executions = async (app: string) =>
      (await agents[0]!.json<{ items: Execution[] }>("execution", "list", "--app", app)).items
    /** @param outputs of a public application; none: it is private */
    const deploy = async (agent: number, name: string, ...outputs: readonly string[]) => {
      const trigger = { service: "charger", event: "finished" }
      const application = {
        name,
        visibility: outputs.length === 0 ? "private" : "public",
        workflows: { main: { trigger, tasks: { pay: { run: "charger.pay", with: { amount: 1 } } } } },
        outputs: Object.fromEntries(outputs.map((output) => [output, { from: "pay.paid" }])),
      }
      const answer = await agents[agent]!.api("PUT", `/applications/${name}`, { application })
      assert.equal(answer.status, 200, await answer.text())
    }

    it("are deployed behind what they call, and an event goes through both to the end", async () => {
      await nodeRed.deploy(CALLER_AND_CALLED)
      await status("unplugged", (text) => text.endsWith("v1"))
      await status("ended", (text) => text.endsWith("v1"))
      assert.doesNotMatch(nodeRed.output(), /UNKNOWN_SERVICE/)
      publishEvent(agents[0]!, "charger", "finished", { kwh: 7 })
      await status("book", (text) => text === "filed")
      await status("tell", (text) => text === "written")
      await until(async () => (await executions("charging"))[0]?.status === "completed", WAIT_MS, "the end")
      const [{ tasks }] = (await executions("charging")) as [Execution]
      assert.deepEqual(tasks["bookkeeping"]!.data, { amount: 7, paid: 1 })
      const [called] = await executions("bookkeeping")
      assert.equal(called?.status, "completed")
      assert.equal(called.tasks["pay"]!.status, "paid")
    })

    it("go on at the output that was reached", async () => {
      nodeRed.forget()
      publishEvent(agents[0]!, "charger", "finished", { kwh: 107 })
      await status("book", (text) => text === "kept")
      await status("tell", (text) => text === "written")
    })

    it("are refused on the node that calls what is there no more, in the words of the command line", async () => {
      nodeRed.forget()
      const changed = CALLER_AND_CALLED.map((node) =>
        node.type === "mesg-settings" ? { ...node, visibility: "private" } : { ...node },
      ).map((node) => (node.id === "book" ? { ...node, timeout: "1m" } : node))
      await nodeRed.deploy(changed)
      await status("book", (text) => text === "UNKNOWN_SERVICE")
      assert.match(
        nodeRed.output(),
        /UNKNOWN_SERVICE: application "bookkeeping" is private: make it public to use it as a task/,
      )
      nodeRed.forget()
      await nodeRed.deploy(CALLER_AND_CALLED.map((node) => (node.id === "book" ? { ...node, timeout: "1m" } : node)))
      await status("ended", (text) => text.endsWith("v2"))
    })

    it("know at the next start what can be called, before any agent answers", async () => {
      const offered = async () => {
        const view = await nodeRed.admin<Pick<PaletteView, "applications">>("GET", "/mesg/palette")
        return view.applications.map(({ name, statuses }) => `${name}: ${Object.keys(statuses).join()}`).join("; ")
      }
      const expected = "bookkeeping: filed,kept"
      await until(async () => (await offered()) === expected, WAIT_MS, "the application")
      await nodeRed.kill()
      await agents[0]!.stop()
      nodeRed = await startNodeRed({ version, userDir: nodeRed.userDir, env: { MESG_HOME: agents[0]!.home } })
      assert.equal(await offered(), expected)
      agents[0] = await startAgent({ home: agents[0]!.home })
      await status("ended", (text) => text.endsWith("v2"))
    })

    it("choose among the public applications of the chosen agent, and have an output for each of theirs", async () => {
      await deploy(0, "nearby", "done")
      await deploy(1, "elsewhere", "done", "undone")
      await deploy(1, "hidden")
      const credentials = { token: agents[1]!.token }
      await nodeRed.deploy([
        { id: "other", type: "mesg-agent", name: "Other", url: agents[1]!.http, credentials },
        tab("chosen"),
        eventNode("e", "mesg:charger/finished", [], { agent: "other" }),
        applicationNode("call", "", [], {}),
        TELL,
      ])
      page = await openEditor(browser, nodeRed.url)
      const choices = () => page.locator("#node-input-application option").allInnerTexts()
      await openDialog(page, "call", "#node-input-application")
      await until(async () => (await choices()).join() === ",nearby", WAIT_MS, "the applications of this machine")
      await page.locator("#node-input-agent").selectOption("other")
      await until(async () => (await choices()).join() === ",elsewhere", WAIT_MS, "the applications of the other agent")
      await page.locator("#node-input-application").selectOption("elsewhere")
      assert.match((await page.locator("#mesg-inputs").textContent())!, /Energy/)
      assert.deepEqual(await page.evaluate(unnamedFields), [])
      await fillInput(page, "kwh", { type: "jsonata", value: "trigger.data.kwh" })
      await endDialog(page, "ok")
      assert.deepEqual(await nodeOf(page, "call", "statuses"), ["done", "undone", ...BUILT_IN])
      assert.equal(await nodeOf(page, "call", "outputs"), 5)
    })

    it(`follow an application within ${SHOWN_MS} ms: a new output is a new port, and wires stay with theirs`, async () => {
      await wire(page, "call", 1, "tell")
      const ports = () => nodeOf<string[]>(page, "call", "statuses")
      await within(SHOWN_MS, async (again) => {
        await deploy(1, "elsewhere", `new-${again}`, "done", "undone")
        const deployed = performance.now()
        await until(async () => (await ports())[0] === `new-${again}`, WAIT_MS, "the port", 10)
        return performance.now() - deployed
      })
      assert.deepEqual((await ports()).slice(1), ["done", "undone", ...BUILT_IN])
      assert.equal(await nodeOf(page, "call", "valid"), true)
      assert.deepEqual(await page.evaluate(wiredPorts, "call"), [2])
    })

    it("are warned, as of a task, of a wire from an output that is gone, and of an application that is", async () => {
      const problems = () => nodeOf<string[]>(page, "call", "validationErrors")
      const warned = (text: string) => until(async () => (await problems()).join().includes(text), WAIT_MS, text)
      await deploy(1, "elsewhere", "done")
      await warned("Wires lead from statuses that are gone: undone")
      assert.deepEqual(await nodeOf(page, "call", "statuses"), ["done", "undone", ...BUILT_IN])
      await deploy(1, "elsewhere")
      await warned("The agent does not offer this any more, or not yet.")
      const node = () => Promise.all(["application", "statuses", "with"].map((name) => nodeOf(page, "call", name)))
      const before = await node()
      await openDialog(page, "call", "#node-input-application")
      assert.equal(await page.locator("#node-input-application").inputValue(), "elsewhere")
      await endDialog(page, "ok")
      assert.deepEqual(await node(), before, "what is gone is kept as it was drawn")
      await deploy(1, "elsewhere", "done", "undone")
      await until(async () => (await nodeOf(page, "call", "valid")) === true, WAIT_MS, "the end of the warning")
    })

    it("follow what changed while they were in no editor", async () => {
      await page.close()
      await deploy(1, "elsewhere", "undone", "later")
      await nodeRed.deploy([
        { id: "other", type: "mesg-agent", name: "Other", url: agents[1]!.http },
        tab("kept"),
        applicationNode("call", "elsewhere", ["done", "undone"], { undone: ["tell"] }, { agent: "other" }),
        TELL,
      ])
      page = await openEditor(browser, nodeRed.url)
      await until(
        async () =>
          (await nodeOf<string[]>(page, "call", "statuses")).join() === ["undone", "later", ...BUILT_IN].join(),
        WAIT_MS,
        "the ports",
      )
      assert.deepEqual(await page.evaluate(wiredPorts, "call"), [0])
    })

    const dialog = () => page.locator(".mesg-dialog")
    const openTransfer = async (button: string) => {
      await page.locator("#red-ui-workspace-chart").press("Control+g")
      await page.keyboard.press("a")
      await page.locator(".mesg-panel button", { hasText: button }).click()
      await dialog().waitFor()
    }

    it("are drawn from a file for the agent that is chosen, which judges it", async () => {
      await openTransfer("Import an application")
      const file = { name: "app.yml", mimeType: "application/yaml", buffer: Buffer.from(FILE) }
      await dialog().getByLabel("A file").setInputFiles(file)
      await until(
        async () => (await dialog().getByLabel("Application as YAML or JSON").inputValue()) === FILE,
        WAIT_MS,
        "the file",
      )
      const draw = dialog().getByRole("button", { name: "Draw it" })
      await draw.click()
      await dialog()
        .locator(".mesg-refusals li", { hasText: 'UNKNOWN_SERVICE: public application "elsewhere" is not known' })
        .waitFor()
      await dialog().getByLabel("Agent").selectOption({ label: "Other" })
      await draw.click()
      await dialog().waitFor({ state: "detached" })
      const statuses = ["undone", "later", "error"]
      assert.deepEqual(await page.evaluate(nodesOnTab, "through-a-browser"), [
        { type: "mesg:charger/finished", agent: "other", outputs: 1, statuses: undefined },
        { type: "mesg-application", agent: "other", outputs: 3, statuses },
        { type: "mesg:log.write", agent: "other", outputs: 1, statuses: ["written"] },
      ])
    })

    it("are refused in that dialog, for all to read, with the line and the words of the command line", async () => {
      await openTransfer("Import an application")
      await dialog().getByLabel("Application as YAML or JSON").fill("name: x\nworkflows: [")
      await dialog().getByRole("button", { name: "Draw it" }).click()
      await dialog()
        .locator(".mesg-refusals li", { hasText: /^\d+:\d+: SYNTAX: / })
        .waitFor()
      for (const theme of themesOf(version)) {
        await page.evaluate(setDark, theme === "dark")
        const texts = [
          ".mesg-dialog h2",
          ".mesg-dialog label",
          ".mesg-dialog textarea",
          ".mesg-dialog .mesg-refusals li",
        ]
        for (const [part, contrast] of Object.entries(await page.evaluate(contrasts, texts))) {
          assert.ok(contrast >= 4.5, `${part} has a contrast of ${contrast.toFixed(1)} in the ${theme} theme`)
        }
      }
      await page.keyboard.press("Escape")
      await dialog().waitFor({ state: "detached" })
    })

    it("are saved as the file that they were drawn from", async () => {
      await openTransfer("Export the applications of these flows")
      assert.deepEqual(await dialog().locator("h3").allInnerTexts(), ["through-a-browser Other"])
      const [download] = await Promise.all([page.waitForEvent("download"), dialog().locator("a[download]").click()])
      assert.equal(download.suggestedFilename(), "through-a-browser.yml")
      const saved = readFileSync(await download.path(), "utf8")
      assert.equal(saved, await dialog().getByLabel("Application as YAML or JSON through-a-browser").inputValue())
      assert.deepEqual(asKept(parse(saved)), asKept(parse(FILE)))
      await dialog().getByRole("button", { name: "Close" }).click()
      await dialog().waitFor({ state: "detached" })
    })

    it("are deployed to that agent", async () => {
      await deployDrawn(page, true)
      const show = () => agents[1]!.cli("app", "show", "through-a-browser", "--json")
      await until(async () => (await show()).code === 0, WAIT_MS, "the application")
      const { document } = JSON.parse((await show()).stdout) as { document: object }
      assert.deepEqual(document, asKept(parse(FILE)))
    })
  })
}
