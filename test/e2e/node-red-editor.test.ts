import assert from "node:assert/strict"
import type { Browser, Page } from "playwright-core"
import type { Application } from "../../agent/schema/application.ts"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import {
  NODE_RED_VERSIONS,
  type NodeRed,
  type NodeRedVersion,
  packedUserDir,
  startNodeRed,
} from "../support/node-red.ts"
import {
  contrasts,
  hasWires,
  paletteMs,
  setDark,
  showPalette,
  showWarning,
  unnamedFields,
} from "../support/editor-page.mjs"
import { DIFFERING_SHARE_MAX, differenceOf, looksAsReviewed, REVIEWED_VERSION } from "../support/golden-picture.ts"
import {
  deployDrawn,
  drag,
  endDialog,
  fillInput,
  nodeOf,
  openBrowser,
  openDialog,
  openEditor,
  themesOf,
  wire,
} from "../support/node-red-editor.ts"
import { CHARGER, CHARGER_CODE, eventNode, tab, taskNode } from "../support/node-red-flow.ts"
import { publishEvent } from "../support/publish-event.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"
import { within } from "../support/within.ts"

const PALETTE_MS = 1000
const PANEL_MS = 1000
const DIALOG_TEXTS = [".mesg-note:not(:empty)", ".mesg-warning", ".mesg-group legend", ".mesg-port", ".mesg-required"]
const PANEL_TEXTS = [
  ".mesg-panel h3",
  ".mesg-panel header a",
  ".mesg-reveal",
  ".mesg-standing",
  ".mesg-open",
  ".mesg-refusals .mesg-reveal",
  ".mesg-results .mesg-status",
  ".mesg-results time",
]

/** The same service with another status. */
const CHANGED: Partial<ManifestInput> = {
  ...CHARGER,
  version: "1.1.0",
  tasks: { pay: { ...CHARGER.tasks!["pay"]!, statuses: { ...CHARGER.tasks!["pay"]!.statuses, later: {} } } },
}
const LESS: Partial<ManifestInput> = {
  ...CHARGER,
  version: "1.2.0",
  tasks: { pay: { ...CHARGER.tasks!["pay"]!, statuses: { refused: {}, later: {} } } },
}

for (const version of Object.keys(NODE_RED_VERSIONS) as NodeRedVersion[]) {
  describe(`the editor of Node-RED ${version}`, function () {
    this.timeout(240_000)
    let agent: TestAgent
    let nodeRed: NodeRed
    let browser: Browser
    let page: Page
    before(async function () {
      this.timeout(400_000)
      agent = await startAgent()
      nodeRed = await startNodeRed({ version, userDir: await packedUserDir(), env: { MESG_HOME: agent.home } })
      browser = await openBrowser()
      page = await openEditor(browser, nodeRed.url)
    })
    after(async () => {
      await browser?.close()
      await nodeRed?.kill()
      await agent?.stop()
      agent?.clean()
    })
    const add = (manifest: Partial<ManifestInput>) =>
      agent.json("service", "add", serviceFolder(manifest, CHARGER_CODE))
    const entry = (type: string) => page.locator(`[data-palette-type="${type}"]`)
    const application = () => page.locator(".mesg-application")
    const ids = { event: "", pay: "", tell: "" }

    it(`shows the nodes of a service within ${PALETTE_MS} ms of \`mesg service add\``, async () => {
      const shown = async (manifest: Partial<ManifestInput>) => {
        await add(manifest)
        const added = performance.now()
        await entry(`mesg:${manifest.id}.pay`).waitFor({ state: "attached" })
        await entry(`mesg:${manifest.id}/finished`).waitFor({ state: "attached" })
        return performance.now() - added
      }
      await shown(CHARGER)
      await within(PALETTE_MS, async (again) => {
        const tookMs = await shown({ ...CHARGER, id: `charger-${again}` })
        await agent.json("service", "remove", `charger-${again}`)
        return tookMs
      })
    })

    it("has an output for each status of a task, with its name", async () => {
      ids.event = await drag(page, "mesg:charger/finished", 150, 150)
      ids.pay = await drag(page, "mesg:charger.pay", 400, 150)
      ids.tell = await drag(page, "mesg:log.write", 700, 150)
      assert.deepEqual(await nodeOf(page, ids.pay, "statuses"), ["paid", "refused", "error", "timed-out", "cancelled"])
      assert.equal(await nodeOf(page, ids.pay, "outputs"), 5)
    })

    it("asks for the inputs by the schema, with where each value comes from", async () => {
      await openDialog(page, ids.pay, "#mesg-input-amount")
      assert.match((await page.locator("#mesg-inputs").textContent())!, /In euros/)
      await fillInput(page, "amount", { type: "jsonata", value: "trigger.data.kwh * 2" })
      await endDialog(page, "ok")
      const expected = { amount: { type: "jsonata", value: "trigger.data.kwh * 2" } }
      assert.deepEqual(await nodeOf(page, ids.pay, "with"), expected)
      assert.equal(await nodeOf(page, ids.pay, "valid"), true)
    })

    it("says that a required input is missing", async () => {
      assert.equal(await nodeOf(page, ids.tell, "valid"), false)
      await openDialog(page, ids.tell, "#mesg-input-message")
      await fillInput(page, "message", { type: "str", value: "paid {{ tasks.pay.data.amount }}" })
      await endDialog(page, "ok")
      assert.equal(await nodeOf(page, ids.tell, "valid"), true)
    })

    it("makes an application of wires from an event to a task to a task", async () => {
      await wire(page, ids.event, 0, ids.pay)
      await wire(page, ids.pay, 0, ids.tell)
      await deployDrawn(page, false)
      await nodeRed.notice(
        ({ topic, data }) => topic === `status/${ids.event}` && textOf(data).endsWith("v1"),
        "the deploy",
      )
      const { items } = await agent.json<{ items: { workflows: { tasks: string[] }[] }[] }>("app", "list")
      assert.deepEqual(
        items.map(({ workflows }) => workflows[0]!.tasks),
        [["pay", "write"]],
      )
    })

    it("shows the statuses of its branches when the event comes over MQTT", async () => {
      publishEvent(agent, "charger", "finished", { kwh: 4 })
      await nodeRed.notice(
        ({ topic, data }) => topic === `status/${ids.tell}` && textOf(data) === "written",
        "the status",
      )
      await page.locator(`[id="${ids.pay}"] .red-ui-flow-node-status-label`, { hasText: "paid" }).waitFor()
    })

    it("lists the application in a side panel that a keyboard opens", async () => {
      await page.locator("#red-ui-workspace-chart").press("Control+g")
      await page.keyboard.press("a")
      await application().locator(".mesg-results li").waitFor()
      assert.match(
        (await application().innerText()).replaceAll(/\s+/g, " "),
        /^flow-1 v1 deployed nothing runs completed/i,
      )
      await page.keyboard.press("Tab")
      const focused = page.locator(".mesg-panel a:focus")
      assert.equal(await focused.getAttribute("href"), `${agent.http}/`)
      await page.keyboard.press("Tab")
      await page.locator(".mesg-head .mesg-reveal:focus").waitFor()
    })

    it(`shows there what ended within ${PANEL_MS} ms, and the keyboard stays where it is`, async () => {
      await within(PANEL_MS, async () => {
        const before = await lastResult(page)
        publishEvent(agent, "charger", "finished", { kwh: 4 })
        await until(
          async () => (await agent.json<Listed>("execution", "list", "--limit", "1")).items[0]?.id !== before,
          60_000,
          "the execution",
        )
        const { items } = await agent.json<Listed>("execution", "list", "--limit", "1")
        const ended = performance.now()
        await page.locator(`.mesg-results li[title="${items[0]!.id}"]`).waitFor()
        return performance.now() - ended
      })
      assert.equal(await page.locator(".mesg-head .mesg-reveal:focus").count(), 1)
    })

    it("follows a manifest that changes: a new status is a new output, and wires stay with theirs", async () => {
      await add(CHANGED)
      await until(
        async () => (await nodeOf<string[]>(page, ids.pay, "statuses")).includes("later"),
        60_000,
        "the output",
      )
      const ports = await nodeOf<string[]>(page, ids.pay, "statuses")
      assert.deepEqual(ports.slice(0, 3), ["paid", "refused", "later"])
    })

    it("warns of a wire from a status that is gone", async () => {
      await add(LESS)
      await until(async () => (await nodeOf(page, ids.pay, "valid")) === false, 60_000, "the warning")
      assert.ok((await nodeOf<string[]>(page, ids.pay, "statuses")).includes("paid"))
    })

    it("lists what is refused, and a click leads to its node", async () => {
      await openDialog(page, ids.pay, "#mesg-input-amount")
      await page.locator("#node-input-name").fill("settle")
      await endDialog(page, "ok")
      await deployDrawn(page, true)
      const refusal = application().locator(".mesg-refusals .mesg-reveal", { hasText: "UNKNOWN_STATUS" })
      await refusal.waitFor()
      assert.match((await application().innerText()).replaceAll(/\s+/g, " "), /v1 refused/i)
      await page.evaluate(addTab)
      await page.locator(`[id="${ids.pay}"]`).waitFor({ state: "detached" })
      await refusal.click()
      await page.locator(`[id="${ids.pay}"]`).waitFor()
    })

    it("greys the nodes of a service that is removed", async () => {
      await agent.cli("service", "remove", "charger")
      await page.locator('[data-palette-type="mesg:charger.pay"].mesg-removed').waitFor({ state: "attached" })
    })

    it("goes on with the palette of now when the page is loaded again", async () => {
      await add(CHARGER)
      await page.reload()
      await entry("mesg:charger.pay").waitFor({ state: "attached" })
      assert.equal(await page.locator(".red-ui-notification-error").count(), 0)
    })

    for (const theme of themesOf(version)) {
      it(`can be read in the ${theme} theme`, async () => {
        await page.evaluate(setDark, theme === "dark")
        await page.locator("#red-ui-workspace-chart").press("Control+g")
        await page.keyboard.press("a")
        await application().locator(".mesg-refusals").waitFor()
        await openDialog(page, ids.pay, "#mesg-input-amount")
        await page.evaluate(showWarning)
        for (const [part, contrast] of Object.entries(
          await page.evaluate(contrasts, [...DIALOG_TEXTS, ...PANEL_TEXTS]),
        )) {
          assert.ok(contrast >= 4.5, `${part} has a contrast of ${contrast.toFixed(1)}`)
        }
        assert.deepEqual(await page.evaluate(unnamedFields), [])
        await endDialog(page, "cancel")
        await page.evaluate(showPalette)
        await looksAsReviewed(page, version, `flow-${theme}`, [page.locator(".mesg-results time")])
      })
    }

    if (version === REVIEWED_VERSION) {
      it("is reviewed by pictures of which each is another one", async () => {
        const names = ["dialog-light", "dialog-dark", "flow-light", "flow-dark"]
        for (const [i, one] of names.entries()) {
          for (const other of names.slice(i + 1)) {
            assert.ok((await differenceOf(page, one, other)) > DIFFERING_SHARE_MAX * 2, `${one} and ${other}`)
          }
        }
      })
    }

    it(`loads a palette of 300 nodes within ${PALETTE_MS} ms`, async () => {
      const keys = Array.from({ length: 150 }, (_, i) => `one-${i}`)
      const whole = <Value>(value: Value) => Object.fromEntries(keys.map((key) => [key, structuredClone(value)]))
      const tasks = whole(CHARGER.tasks!["pay"]!)
      const events = whole(CHARGER.events!["finished"]!)
      const bodies = keys.map((key) => `"${key}": () => ({ status: "refused" })`)
      const code = `export default { tasks: { ${bodies.join(", ")} } }`
      await agent.json("service", "add", serviceFolder({ id: "many", tasks, events }, code))
      await entry("mesg:many/one-149").waitFor({ state: "attached" })
      await within(PALETTE_MS, async () => {
        await page.reload()
        await entry("mesg:many/one-149").waitFor({ state: "attached" })
        return page.evaluate(paletteMs)
      })
    })

    it("keeps a node of a service that nobody knows as it was drawn, until the service is there", async () => {
      const drawn = [
        tab("later"),
        eventNode("begin", "mesg:charger/finished", ["shine"]),
        taskNode(
          "shine",
          "mesg:lamp.pay",
          ["paid"],
          { paid: ["end"] },
          { with: { amount: { type: "num", value: "5" } } },
        ),
        taskNode("end", "mesg:log.write", ["written"], {}, { x: 600, with: { message: { type: "str", value: "x" } } }),
      ]
      await nodeRed.deploy(drawn)
      await page.reload()
      await page.locator('[id="shine"]').waitFor()
      assert.deepEqual(await nodeOf(page, "shine", "type"), "mesg:lamp.pay")
      assert.deepEqual(await nodeOf(page, "shine", "statuses"), ["paid", "error", "timed-out", "cancelled"])
      assert.equal(await nodeOf(page, "shine", "valid"), true)
      await page.waitForFunction(hasWires, 2)
      await page
        .locator('[id="shine"] .red-ui-flow-node-status-label', { hasText: "service not known to the agent yet" })
        .waitFor()
      assert.equal(await entry("mesg:lamp.pay").count(), 0)
      await openDialog(page, "shine", "#mesg-warning")
      assert.match((await page.locator("#mesg-warning").textContent())!, /or not yet/)
      await endDialog(page, "cancel")
      await add({ ...CHARGER, id: "lamp", name: "Lamp" })
      await entry("mesg:lamp.pay").waitFor({ state: "attached" })
      const ports = ["paid", "refused", "error", "timed-out", "cancelled"]
      assert.deepEqual(await nodeOf(page, "shine", "statuses"), ports)
      assert.deepEqual(await nodeOf(page, "shine", "with"), { amount: { type: "num", value: "5" } })
      await page.waitForFunction(hasWires, 2)
    })

    it("can be wired and deployed with the keyboard alone", async () => {
      await nodeRed.deploy([
        tab("keys"),
        eventNode("one", "mesg:charger/finished", []),
        taskNode("two", "mesg:charger.pay", ["paid", "refused"], {}, { with: { amount: { type: "num", value: "5" } } }),
        taskNode("three", "mesg:log.write", ["written"], {}, { with: { message: { type: "str", value: "x" } } }),
      ])
      await page.reload()
      await page.locator('[id="three"]').waitFor()
      await page.locator("#red-ui-workspace-chart").focus()
      await page.keyboard.press("Control+a")
      await page.keyboard.press("Control+Shift+p")
      await page.keyboard.type("wire series")
      await page.keyboard.press("Enter")
      await page.waitForFunction(hasWires, 2)
      nodeRed.forget()
      await page.keyboard.press("Control+d")
      await nodeRed.notice(({ topic, data }) => topic === "status/one" && textOf(data).endsWith("v1"), "the deploy")
      const { document } = await agent.json<{ document: Application }>("app", "show", "keys")
      const [{ tasks }] = Object.values(document.workflows) as [Application["workflows"][string]]
      assert.deepEqual(
        Object.entries(tasks).map(([name, { after }]) => [name, after]),
        [
          ["pay", undefined],
          ["write", "pay.paid"],
        ],
      )
    })

    it("speaks German to who does", async () => {
      const german = await openEditor(browser, nodeRed.url, "de")
      assert.equal((await german.locator('[data-palette-type="mesg-event"]').textContent())!.trim(), "Ereignis")
      assert.equal(await german.locator(".mesg-panel").getAttribute("aria-label"), "MESG-Anwendungen")
      await german.close()
    })
  })
}

interface Listed {
  readonly items: readonly { readonly id: string }[]
}

/** The newest execution that the panel shows. */
function lastResult(page: Page): Promise<string | null> {
  return page.locator(".mesg-results li").first().getAttribute("title")
}

/** Another tab is shown, so that what is on the first one is not. */
function addTab(): void {
  const red = Reflect.get(globalThis, "RED") as { actions: { invoke(action: string): void } }
  red.actions.invoke("core:add-flow")
}

function textOf(data: unknown): string {
  return (data as { text?: string }).text ?? ""
}
