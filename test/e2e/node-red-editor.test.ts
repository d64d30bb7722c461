import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import {
  NODE_RED_VERSIONS,
  type NodeRed,
  type NodeRedVersion,
  packedUserDir,
  startNodeRed,
} from "../support/node-red.ts"
import { contrasts, paletteMs, setDark, showWarning, standsStill, unnamedFields } from "../support/editor-page.mjs"
import { drag, endDialog, nodeOf, openBrowser, openEditor, wire } from "../support/node-red-editor.ts"
import { CHARGER, CHARGER_CODE } from "../support/node-red-flow.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const PALETTE_MS = 1000
const REVIEWED = "5.0.7"
/** Pictures to look at; those of the last review are kept in test/golden/node-red. UPDATE_GOLDEN=1 makes them anew. */
const PICTURES = process.env["UPDATE_GOLDEN"] === "1" ? join(ROOT, "test/golden/node-red") : tempDir("pictures")

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
    this.timeout(60_000)
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
    const picture = (name: string) => page.screenshot({ path: join(PICTURES, `${name}.png`) })
    const ids = { event: "", pay: "", tell: "" }

    it(`shows the nodes of a service within ${PALETTE_MS} ms of \`mesg service add\``, async () => {
      await add(CHARGER)
      const added = performance.now()
      await entry("mesg:charger.pay").waitFor({ state: "attached" })
      await entry("mesg:charger/finished").waitFor({ state: "attached" })
      assert.ok(performance.now() - added < PALETTE_MS, `it took ${Math.round(performance.now() - added)} ms`)
    })

    it("has an output for each status of a task, with its name", async () => {
      ids.event = await drag(page, "mesg:charger/finished", 150, 150)
      ids.pay = await drag(page, "mesg:charger.pay", 400, 150)
      ids.tell = await drag(page, "mesg:log.write", 700, 150)
      assert.deepEqual(await nodeOf(page, ids.pay, "statuses"), ["paid", "refused", "error", "timed-out", "cancelled"])
      assert.equal(await nodeOf(page, ids.pay, "outputs"), 5)
    })

    it("asks for the inputs by the schema, with where each value comes from", async () => {
      await page.locator(`[id="${ids.pay}"]`).dblclick()
      await page.locator("#mesg-input-amount").waitFor({ state: "attached" })
      assert.match((await page.locator("#mesg-inputs").textContent())!, /In euros/)
      await page.evaluate(() => {
        const $ = Reflect.get(globalThis, "$") as (selector: string) => { typedInput(...words: string[]): void }
        $("#mesg-input-amount").typedInput("type", "jsonata")
        $("#mesg-input-amount").typedInput("value", "trigger.data.kwh * 2")
      })
      await endDialog(page, "ok")
      const expected = { amount: { type: "jsonata", value: "trigger.data.kwh * 2" } }
      assert.deepEqual(await nodeOf(page, ids.pay, "with"), expected)
      assert.equal(await nodeOf(page, ids.pay, "valid"), true)
    })

    it("says that a required input is missing", async () => {
      assert.equal(await nodeOf(page, ids.tell, "valid"), false)
      await page.locator(`[id="${ids.tell}"]`).dblclick()
      await page.locator("#mesg-input-message").waitFor({ state: "attached" })
      await page.evaluate(() => {
        const $ = Reflect.get(globalThis, "$") as (selector: string) => { typedInput(...words: string[]): void }
        $("#mesg-input-message").typedInput("value", "paid {{ tasks.pay.data.amount }}")
      })
      await endDialog(page, "ok")
      assert.equal(await nodeOf(page, ids.tell, "valid"), true)
    })

    it("makes an application of wires from an event to a task to a task", async () => {
      await wire(page, ids.event, 0, ids.pay)
      await wire(page, ids.pay, 0, ids.tell)
      await page.locator("#red-ui-header-button-deploy").click()
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
      publish(agent, "finished", { kwh: 4 })
      await nodeRed.notice(
        ({ topic, data }) => topic === `status/${ids.tell}` && textOf(data) === "written",
        "the status",
      )
      await page.locator(`[id="${ids.pay}"] .red-ui-flow-node-status-label`, { hasText: "paid" }).waitFor()
    })

    it("follows a manifest that changes: a new status is a new output, and wires stay with theirs", async () => {
      await add(CHANGED)
      await until(async () => (await nodeOf<string[]>(page, ids.pay, "statuses")).includes("later"), 5000, "the output")
      const ports = await nodeOf<string[]>(page, ids.pay, "statuses")
      assert.deepEqual(ports.slice(0, 3), ["paid", "refused", "later"])
    })

    it("warns of a wire from a status that is gone", async () => {
      await add(LESS)
      await until(async () => (await nodeOf(page, ids.pay, "valid")) === false, 5000, "the warning")
      assert.ok((await nodeOf<string[]>(page, ids.pay, "statuses")).includes("paid"))
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
        await page.locator(`[id="${ids.pay}"]`).dblclick()
        await page.locator("#mesg-input-amount").waitFor({ state: "attached" })
        await page.evaluate(showWarning)
        await page.waitForFunction(standsStill)
        if (version === REVIEWED) await picture(`dialog-${theme}`)
        for (const [part, contrast] of Object.entries(await page.evaluate(contrasts))) {
          assert.ok(contrast >= 4.5, `${part} has a contrast of ${contrast.toFixed(1)}`)
        }
        assert.deepEqual(await page.evaluate(unnamedFields), [])
        await endDialog(page, "cancel")
        await page.waitForFunction(standsStill)
        if (version === REVIEWED) await picture(`flow-${theme}`)
      })
    }

    it(`loads a palette of 300 nodes within ${PALETTE_MS} ms`, async () => {
      const keys = Array.from({ length: 150 }, (_, i) => `one-${i}`)
      const whole = <Value>(value: Value) => Object.fromEntries(keys.map((key) => [key, structuredClone(value)]))
      const tasks = whole(CHARGER.tasks!["pay"]!)
      const events = whole(CHARGER.events!["finished"]!)
      await agent.json("service", "add", serviceFolder({ id: "many", tasks, events }, CHARGER_CODE))
      await entry("mesg:many/one-149").waitFor({ state: "attached" })
      await page.reload()
      await entry("mesg:many/one-149").waitFor({ state: "attached" })
      const tookMs = await page.evaluate(paletteMs)
      assert.ok(tookMs < PALETTE_MS, `it took ${Math.round(tookMs)} ms`)
    })

    it("speaks German to who does", async () => {
      const german = await openEditor(browser, nodeRed.url, "de")
      assert.equal((await german.locator('[data-palette-type="mesg-event"]').textContent())!.trim(), "Ereignis")
      await german.close()
    })
  })
}

/** Node-RED has a dark theme of its own since 5. */
function themesOf(version: NodeRedVersion): readonly ("light" | "dark")[] {
  return version.startsWith("4") ? ["light"] : ["light", "dark"]
}

function textOf(data: unknown): string {
  return (data as { text?: string }).text ?? ""
}

function publish({ mqtt }: TestAgent, event: string, data: object): void {
  const topic = `mesg/v1/charger/event/${event}`
  execFileSync("mosquitto_pub", [
    "-h",
    mqtt.host,
    "-p",
    String(mqtt.port),
    "-q",
    "1",
    "-t",
    topic,
    "-m",
    JSON.stringify(data),
  ])
}
