import { idOf, type Raw } from "../flow/raw.ts"
import type { Exported, Imported, Said } from "../runtime/transfer/view.ts"
import { agentLabels } from "./agents.ts"
import { element } from "./element.ts"
import { text } from "./text.ts"

export const IMPORT_ACTION = "mesg:import-application"
export const EXPORT_ACTION = "mesg:export-applications"

/** Application files to flows, and flows to application files: two actions of the editor, each with a dialog. */
export function startTransfer(): void {
  RED.actions.add(IMPORT_ACTION, showImport)
  RED.actions.add(EXPORT_ACTION, () => {
    ask<readonly Exported[]>("mesg/export", { flows: RED.nodes.createCompleteNodeSet({ credentials: false }) }).then(
      showExport,
      (problem: Error) => RED.notify(problem.message, "error"),
    )
  })
}

function showImport(): void {
  const area = textArea("transfer.application")
  const agents = agentLabels()
  const choices = [...agents].map(([value, label]) => element("option", { value }, label))
  const agent = element("select", {}, ...choices) as HTMLSelectElement
  const file = element("input", {
    type: "file",
    accept: ".yml,.yaml,.json",
    "aria-label": text("transfer.file"),
  }) as HTMLInputElement
  const said = element("ul", { class: "mesg-refusals", role: "alert" })
  const failed = (problem: Error) => said.replaceChildren(element("li", {}, problem.message))
  const draw = button("transfer.import", () => {
    ask<Imported>("mesg/import", { text: area.value, agent: agent.value }).then((imported) => {
      if (!imported.ok) return said.replaceChildren(...imported.refusals.map(refusalItem))
      dialog.close()
      show(imported.nodes)
    }, failed)
  })
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? []
    chosen?.text().then((content) => {
      area.value = content
    }, failed)
  })
  const chooser = element("label", { class: "mesg-choice" }, text("label.agent"), agent)
  const fields = [...(agents.size > 1 ? [chooser] : []), file, area, said]
  const dialog = open("transfer.import-title", fields, [draw])
  area.focus()
}

/** Puts what is drawn beside the flows, and shows its tab. */
function show(nodes: readonly Raw[]): void {
  const { nodeMap } = RED.view.importNodes(nodes, { generateIds: true, addFlow: false })
  const [placed] = nodes.flatMap((node) => nodeMap[idOf(node)]?.z ?? [])
  if (placed !== undefined) RED.workspaces.show(placed)
}

function showExport(applications: readonly Exported[]): void {
  const agents = agentLabels()
  const parts = applications.flatMap(({ agent, name, text: yaml, refusals }) => {
    const where = agents.size > 1 ? [element("small", {}, ` ${agents.get(agent) ?? ""}`)] : []
    const area = textArea("transfer.application", name)
    area.value = yaml
    area.readOnly = true
    const link = element("a", {
      href: `data:application/yaml;charset=utf-8,${encodeURIComponent(yaml)}`,
      download: `${name}.yml`,
    })
    link.textContent = text("transfer.download", { name: `${name}.yml` })
    return [
      element("h3", {}, name, ...where),
      area,
      element("ul", {}, ...refusals.map(refusalItem)),
      element("p", {}, link),
    ]
  })
  open("transfer.export-title", parts.length === 0 ? [element("p", {}, text("panel.empty"))] : parts, [])
}

function refusalItem({ where, code, message, remedy }: Said): HTMLElement {
  const place = where === "" ? "" : `${where}: `
  return element("li", {}, `${place}${code}: ${message}${remedy === "" ? "" : `: ${remedy}`}`)
}

function textArea(label: string, name = ""): HTMLTextAreaElement {
  const attributes = {
    rows: "14",
    spellcheck: "false",
    class: "mesg-code",
    "aria-label": `${text(label)} ${name}`.trim(),
  }
  return element("textarea", attributes) as HTMLTextAreaElement
}

function button(label: string, act: () => void): HTMLElement {
  const made = element("button", { type: "button", class: "red-ui-button" }, text(label))
  made.addEventListener("click", act)
  return made
}

/** A modal dialog that Escape closes; it is gone when it is closed. */
function open(title: string, content: readonly HTMLElement[], buttons: readonly HTMLElement[]): HTMLDialogElement {
  const dialog = element("dialog", { class: "mesg-dialog", "aria-label": text(title) }) as HTMLDialogElement
  const row = element(
    "div",
    { class: "mesg-buttons" },
    ...buttons,
    button("transfer.close", () => dialog.close()),
  )
  dialog.append(element("h2", {}, text(title)), ...content, row)
  // The editor's own shortcuts stay out of what is typed here.
  dialog.addEventListener("keydown", (event) => event.stopPropagation())
  dialog.addEventListener("close", () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}

/** By jQuery, which carries the editor's login. @throws Error with what was said */
function ask<Answer>(path: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = $.ajax({ url: path, type: "POST", contentType: "application/json", data: JSON.stringify(body) })
    request.done((answer) => resolve(answer as Answer))
    request.fail(({ responseText, responseJSON }) => {
      const { message } = (responseJSON ?? {}) as { message?: string }
      reject(new Error((message ?? responseText) || text("transfer.unanswered")))
    })
  })
}
