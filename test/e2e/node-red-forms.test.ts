import assert from "node:assert/strict"
import type { Browser, Page } from "playwright-core"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { setDark, showPalette, unnamedFields } from "../support/editor-page.mjs"
import { looksAsReviewed } from "../support/golden-picture.ts"
import {
  endDialog,
  fillInput,
  linksOf,
  nodeOf,
  openBrowser,
  openDialog,
  openEditor,
  themesOf,
} from "../support/node-red-editor.ts"
import { NODE_RED_VERSIONS, type NodeRed, type NodeRedVersion, startNodeRed } from "../support/node-red.ts"
import { debugNode, eventNode, tab, taskNode } from "../support/node-red-flow.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"

/** One input of each kind that a schema can ask for. */
const EACH = {
  word: { type: "string", description: "Any word", default: "hello" },
  count: { type: "integer", minimum: 1, maximum: 10, default: 2 },
  loud: { type: "boolean" },
  size: { enum: ["small", "large"] },
  level: { enum: ["low", 3, null] },
  list: { type: "array", items: { type: "number" } },
  place: { type: "object", properties: { room: { type: "string" } } },
  any: {},
}
const SERVICE: Partial<ManifestInput> & Pick<ManifestInput, "tasks"> = {
  id: "forms",
  events: { begun: { data: {} } },
  tasks: {
    fill: {
      inputs: { type: "object", properties: EACH, required: ["word", "count"] },
      statuses: { filled: { data: { type: "object", properties: { pages: { type: "integer" } } } }, torn: {} },
    },
  },
}
const LESS = { ...SERVICE, version: "1.1.0", tasks: { fill: { ...SERVICE.tasks!["fill"]!, statuses: { filled: {} } } } }
const CODE = 'export default { tasks: { fill: () => ({ status: "filled" }) } }'

/** Values in kinds that are not the fields' own, as an imported application may have them. */
const GIVEN = {
  word: { type: "json", value: "[1]" },
  count: { type: "str", value: "{{ trigger.data.count }}" },
  level: { type: "json", value: "3" },
  any: { type: "num", value: "3" },
}

for (const version of Object.keys(NODE_RED_VERSIONS) as NodeRedVersion[]) {
  describe(`a node in the editor of Node-RED ${version}`, function () {
    this.timeout(240_000)
    let agent: TestAgent
    let nodeRed: NodeRed
    let browser: Browser
    let page: Page
    const add = (manifest: Partial<ManifestInput>) => agent.json("service", "add", serviceFolder(manifest, CODE))
    before(async () => {
      agent = await startAgent()
      await add(SERVICE)
      nodeRed = await startNodeRed({ version, env: { MESG_HOME: agent.home } })
      await nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette")
      let y = 0
      const fill = (id: string, to: Readonly<Record<string, readonly string[]>>, given = {}) =>
        taskNode(id, "mesg:forms.fill", ["filled", "torn"], to, { name: id, with: given, y: (y += 120) })
      await nodeRed.deploy([
        tab(),
        eventNode("e", "mesg:forms/begun", ["ported"]),
        fill("kept", {}, GIVEN),
        fill("new", {}),
        fill("ported", { filled: ["last"], torn: ["seen"], "timed-out": ["last"] }),
        fill("last", {}),
        debugNode("seen"),
      ])
      browser = await openBrowser()
      page = await openEditor(browser, nodeRed.url)
      await page.locator('[id="ported"]').waitFor()
    })
    after(async () => {
      await browser?.close()
      await nodeRed?.kill()
      await agent?.stop()
      agent?.clean()
    })

    it("is not changed by a dialog that is opened and closed", async () => {
      await openDialog(page, "kept", "#mesg-input-any")
      await endDialog(page, "ok")
      assert.deepEqual(await nodeOf(page, "kept", "with"), GIVEN)
    })

    it("begins with the defaults of what it has to say, and tells the others", async () => {
      await openDialog(page, "new", "#mesg-input-any")
      assert.match((await page.locator("#mesg-inputs").textContent())!, /Any word · default: hello/)
      await endDialog(page, "ok")
      assert.deepEqual(await nodeOf(page, "new", "with"), {
        word: { type: "str", value: "hello" },
        count: { type: "num", value: "2" },
      })
      assert.equal(await nodeOf(page, "new", "valid"), true)
    })

    it("says in its help where in a message the data of a status is", async () => {
      const help = await page.locator('script[data-help-name="mesg:forms.fill"]').textContent()
      assert.match(help!, /<li>filled<dl[^>]*><dt[^>]*>payload\.pages<span class="property-type">integer/)
    })

    it("says at a setting that only an application has what counts elsewhere, and in its help", async () => {
      const settings = [
        {
          node: "e",
          type: "mesg:forms/begun",
          field: "overlap",
          said: /pass through Node-RED, each one begins at once/,
        },
        {
          node: "new",
          type: "mesg:forms.fill",
          field: "timeout",
          said: /pass through Node-RED, the time of what is called/,
        },
      ]
      for (const { node, type, field, said } of settings) {
        await openDialog(page, node, `#node-input-${field}`)
        const note = await page.locator(`#node-input-${field}`).getAttribute("aria-describedby")
        assert.match(await page.locator(`[id="${note}"]`).innerText(), said)
        await endDialog(page, "cancel")
        assert.match((await page.locator(`script[data-help-name="${type}"]`).textContent())!, said)
      }
    })

    it("keeps what is written into each kind of field", async () => {
      const written = {
        word: { type: "str", value: "bye" },
        count: { type: "num", value: "3" },
        loud: { type: "bool", value: "false" },
        size: { type: "str", value: "large" },
        level: { type: "json", value: "null" },
        list: { type: "json", value: "[1,2]" },
        place: { type: "json", value: '{"room":"hall"}' },
        any: { type: "msg", value: "payload.x" },
      } as const
      await openDialog(page, "new", "#mesg-input-any")
      for (const [field, typed] of Object.entries(written)) await fillInput(page, field, typed)
      await endDialog(page, "ok")
      assert.deepEqual(await nodeOf(page, "new", "with"), written)
    })

    for (const theme of themesOf(version)) {
      it(`has a form that can be read in the ${theme} theme`, async () => {
        await page.evaluate(setDark, theme === "dark")
        await page.locator("#red-ui-workspace-chart").press("Control+g")
        await page.keyboard.press("a")
        await page.locator(".mesg-empty:not(:empty)").waitFor()
        await openDialog(page, "new", "#mesg-input-any")
        assert.deepEqual(await page.evaluate(unnamedFields), [])
        await page.evaluate(showPalette)
        await looksAsReviewed(page, version, `dialog-${theme}`, [])
        await endDialog(page, "cancel")
      })
    }

    it("is marked where a value does not fit", async () => {
      await openDialog(page, "new", "#mesg-input-any")
      await fillInput(page, "count", { type: "num", value: "11" })
      await endDialog(page, "ok")
      assert.match(JSON.stringify(await nodeOf(page, "new", "validationErrors")), /count is to be at most 10/)
    })

    it("keeps its wires at their statuses when an output is hidden, and when that is undone", async () => {
      const wired = { "filled last": 1, "timed-out last": 1, "torn seen": 1 }
      assert.deepEqual(await wiresOf(page), wired)
      await openDialog(page, "ported", "#mesg-port-error")
      await page.locator("#mesg-port-error").uncheck()
      await endDialog(page, "ok")
      assert.deepEqual(await nodeOf(page, "ported", "statuses"), ["filled", "torn", "timed-out", "cancelled"])
      assert.deepEqual(await wiresOf(page), wired)
      await page.locator("#red-ui-workspace-chart").press("Control+z")
      assert.equal(await nodeOf(page, "ported", "outputs"), 5)
      assert.deepEqual(await wiresOf(page), wired)
    })

    it("is pasted with its outputs and wires", async () => {
      await page.locator("#red-ui-workspace-chart").focus()
      for (const keys of ["Control+a", "Control+c", "Control+v"]) await page.keyboard.press(keys)
      // What is pasted hangs at the mouse until it is put down.
      await page.locator("#red-ui-workspace-chart").click({ position: { x: 500, y: 500 } })
      assert.deepEqual(await wiresOf(page), { "filled last": 2, "timed-out last": 2, "torn seen": 2 })
      await page.locator("#red-ui-workspace-chart").press("Control+z")
    })

    it("has the outputs of now when it is imported from then", async () => {
      const then = { id: "then", z: "", type: "mesg:forms.fill", name: "then", statuses: ["torn", "error"], outputs: 2 }
      await importNodes(page, [
        { ...then, x: 100, y: 100, wires: [["there"], ["there"]] },
        { ...debugNode("there"), z: "" },
      ])
      const links = async () => (await linksOf(page)).filter(({ from }) => from === "then")
      await until(async () => (await links()).some(({ status }) => status === "torn"), 60_000, "the wires")
      const id = await idOf(page, "then")
      await until(async () => (await nodeOf(page, id, "outputs")) === 3, 60_000, "the outputs")
      assert.deepEqual(await nodeOf(page, id, "statuses"), ["filled", "torn", "error"])
      assert.deepEqual((await links()).map(({ status }) => status).sort(), ["error", "torn"])
    })

    it("warns of the wires of a status that is gone until they are", async () => {
      await add(LESS)
      await until(async () => (await nodeOf(page, "ported", "valid")) === false, 60_000, "the warning")
      await page.evaluate(() => {
        type Link = { source: { id: string; statuses: string[] }; sourcePort: number }
        type Editor = { eachLink(visit: (link: Link) => void): void; removeLink(link: Link): void }
        const { nodes } = Reflect.get(globalThis, "RED") as { nodes: Editor }
        const torn: Link[] = []
        nodes.eachLink((link) => {
          if (link.source.id === "ported" && link.source.statuses[link.sourcePort] === "torn") torn.push(link)
        })
        for (const link of torn) nodes.removeLink(link)
      })
      const said = await nodeOf<string[]>(page, "ported", "validationErrors")
      assert.equal(JSON.stringify(said).includes("torn"), false, JSON.stringify(said))
    })

    it("is in every open editor", async () => {
      const other = await openEditor(browser, nodeRed.url)
      await add({ ...SERVICE, id: "second" })
      for (const one of [page, other]) {
        await one.locator('[data-palette-type="mesg:second.fill"]').waitFor({ state: "attached" })
      }
      await other.close()
    })
  })
}

/** As Node-RED's own import dialog does it. */
function importNodes(page: Page, nodes: readonly object[]): Promise<void> {
  return page.evaluate((flow) => {
    type View = { importNodes(text: string, options: object): void }
    const { view } = Reflect.get(globalThis, "RED") as { view: View }
    view.importNodes(JSON.stringify(flow), { generateIds: true, addFlow: true })
  }, nodes)
}

function idOf(page: Page, name: string): Promise<string> {
  return page.evaluate((wanted) => {
    type Named = { readonly id: string; readonly name?: string }
    const { nodes } = Reflect.get(globalThis, "RED") as { nodes: { eachNode(visit: (node: Named) => void): void } }
    let id = ""
    nodes.eachNode((node) => {
      if (node.name === wanted) ({ id } = node)
    })
    return id
  }, name)
}

/** How many wires lead from each status of the nodes named `ported` to what. */
async function wiresOf(page: Page): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const { from, status, to } of await linksOf(page)) {
    if (from === "ported") counts[`${status} ${to}`] = (counts[`${status} ${to}`] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).sort())
}
