import type { Exported, Imported, Said } from "../runtime/transfer/view.ts"
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
  const file = element("input", { type: "file", accept: ".yml,.yaml,.json", "aria-label": text("transfer.file") })
  const said = element("ul", { class: "mesg-refusals", role: "alert" })
  const draw = button("transfer.import", () => {
    ask<Imported>("mesg/import", { text: area.value }).then(
      (imported) => {
        if (!imported.ok) return said.replaceChildren(...imported.refusals.map(refusalItem))
        dialog.close()
        RED.view.importNodes(imported.nodes, { generateIds: true, addFlow: false })
      },
      (problem: Error) => {
        said.replaceChildren(element("li", {}, problem.message))
      },
    )
  })
  file.addEventListener("change", () => {
    const [chosen] = (file as HTMLInputElement).files ?? []
    void chosen?.text().then((content) => {
      area.value = content
    })
  })
  const dialog = open("transfer.import-title", [file, area, said], [draw])
  area.focus()
}

function showExport(applications: readonly Exported[]): void {
  const parts = applications.flatMap(({ name, text: yaml, refusals }) => {
    const area = textArea("transfer.application", name)
    area.value = yaml
    area.readOnly = true
    const link = element("a", {
      href: `data:application/yaml;charset=utf-8,${encodeURIComponent(yaml)}`,
      download: `${name}.yml`,
    })
    link.textContent = text("transfer.download", { name: `${name}.yml` })
    return [element("h3", {}, name), area, element("ul", {}, ...refusals.map(refusalItem)), element("p", {}, link)]
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
    request.fail((response) => reject(new Error(response.responseText || text("transfer.unanswered"))))
  })
}
