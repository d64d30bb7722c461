import { existsSync } from "node:fs"
import assert from "node:assert/strict"
import { type Browser, chromium, type Page } from "playwright-core"
import type { TypedValue } from "../../nodered-nodes/src/flow/nodes.ts"
import { dialogIsOpen, standsStill } from "./editor-page.mjs"
import type { NodeRedVersion } from "./node-red.ts"

/** What of the editor is looked at, inside of the page. */
interface Red {
  readonly workspaces: { active(): unknown }
  readonly nodes: {
    eachNode(visit: (node: { readonly id: string }) => void): void
    node(id: string): Readonly<Record<string, unknown>>
  }
}

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

/** A state of the editor that does not come at all: its machine may be busy with other things. */
export const EDITOR_TIMEOUT_MS = 60_000

/** Node-RED has a dark theme of its own since 5. */
export function themesOf(version: NodeRedVersion): readonly ("light" | "dark")[] {
  return version.startsWith("4") ? ["light"] : ["light", "dark"]
}

/** Debian's Chromium. @throws with what to install where there is none */
export async function openBrowser(): Promise<Browser> {
  const executablePath = CHROMIUM.find((path) => existsSync(path))
  assert.ok(executablePath, "the tests of the editor need Chromium: sudo apt-get install chromium")
  return chromium.launch({ executablePath, args: ["--no-sandbox"] })
}

/** Node-RED's editor with its palette loaded. @param language of the browser */
export async function openEditor(browser: Browser, url: string, language = "en-US"): Promise<Page> {
  const page = await browser.newPage({ locale: language, viewport: { width: 1400, height: 900 } })
  page.setDefaultTimeout(EDITOR_TIMEOUT_MS)
  await page.goto(url)
  await page.waitForSelector('[data-palette-type="mesg-event"]', { state: "attached" })
  await page.waitForFunction(() => (Reflect.get(globalThis, "RED") as Red).workspaces.active() !== 0)
  return page
}

/** Puts a node from the palette onto the canvas by hand. @returns its id */
export async function drag(page: Page, type: string, x: number, y: number): Promise<string> {
  const known = await nodesOf(page)
  const entry = page.locator(`[data-palette-type="${type}"]`)
  await entry.scrollIntoViewIfNeeded()
  const chart = (await page.locator("#red-ui-workspace-chart").boundingBox())!
  const from = (await entry.boundingBox())!
  await page.mouse.move(from.x + 20, from.y + from.height / 2)
  await page.mouse.down()
  await page.mouse.move(chart.x + x - 40, chart.y + y, { steps: 5 })
  await page.mouse.move(chart.x + x, chart.y + y, { steps: 5 })
  await page.mouse.up()
  const [added] = (await nodesOf(page)).filter((id) => !known.includes(id))
  assert.ok(added, `${type} was not put onto the canvas`)
  return added
}

/** Draws a wire from an output to the input of another node. */
export async function wire(page: Page, from: string, port: number, to: string): Promise<void> {
  const output = (await page
    .locator(`[id="${from}"] .red-ui-flow-port-output .red-ui-flow-port`)
    .nth(port)
    .boundingBox())!
  const input = (await page.locator(`[id="${to}"] .red-ui-flow-port-input .red-ui-flow-port`).boundingBox())!
  await page.mouse.move(output.x + output.width / 2, output.y + output.height / 2)
  await page.mouse.down()
  await page.mouse.move(input.x - 20, input.y + input.height / 2, { steps: 5 })
  await page.mouse.move(input.x + input.width / 2, input.y + input.height / 2, { steps: 5 })
  await page.mouse.up()
}

/** Opens the dialog of a node. @param field that it must show */
export async function openDialog(page: Page, node: string, field: string): Promise<void> {
  // On its body: the text of a status makes the whole wider than what can be clicked.
  await page.locator(`[id="${node}"]`).dblclick({ position: { x: 50, y: 15 } })
  await page.locator(field).waitFor({ state: "attached" })
  await page.waitForFunction(dialogIsOpen)
}

/** Says in the dialog what an input of the task is, and where it comes from. */
export async function fillInput(page: Page, name: string, typed: TypedValue): Promise<void> {
  await page.evaluate(
    ([id, { type, value }]) => {
      const $ = Reflect.get(globalThis, "$") as (selector: string) => { typedInput(...words: string[]): void }
      $(id).typedInput("type", type)
      $(id).typedInput("value", value)
    },
    [`#mesg-input-${name}`, typed] as const,
  )
}

/** Ends the dialog of a node. */
export async function endDialog(page: Page, how: "ok" | "cancel"): Promise<void> {
  const button = page.locator(`#node-dialog-${how}`)
  await button.click()
  await button.waitFor({ state: "detached" })
  await page.waitForFunction(standsStill)
}

/** Deploys as it is drawn, also where the editor asks whether it should. */
export async function deployDrawn(page: Page, asks: boolean): Promise<void> {
  await page.locator("#red-ui-header-button-deploy").click()
  if (asks) await page.locator("#red-ui-deploy-dialog-confirm-deploy-deploy").click()
}

function nodesOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const ids: string[] = []
    ;(Reflect.get(globalThis, "RED") as Red).nodes.eachNode(({ id }) => ids.push(id))
    return ids
  })
}

/** The wires in the editor, by the names of their nodes or what they are; those of task nodes with their statuses. */
export function linksOf(page: Page): Promise<{ from: string; status: string; to: string }[]> {
  return page.evaluate(() => {
    type Ended = { readonly id: string; readonly name?: string; readonly statuses?: readonly string[] }
    type Link = { readonly source: Ended; readonly sourcePort: number; readonly target: Ended }
    const { nodes } = Reflect.get(globalThis, "RED") as { nodes: { eachLink(visit: (link: Link) => void): void } }
    const links: { from: string; status: string; to: string }[] = []
    nodes.eachLink(({ source, sourcePort, target }) => {
      const status = source.statuses?.[sourcePort] ?? String(sourcePort)
      links.push({ from: source.name || source.id, status, to: target.name || target.id })
    })
    return links
  })
}

/** What is of a node in the editor. */
export function nodeOf<Value = unknown>(page: Page, id: string, property: string): Promise<Value> {
  return page.evaluate(([node, name]) => (Reflect.get(globalThis, "RED") as Red).nodes.node(node)[name] as never, [
    id,
    property,
  ] as const)
}
