import type { PanelView } from "../runtime/panel/view.ts"
import { element } from "./element.ts"
import { agentEntry } from "./panel-entries.ts"
import { text } from "./text.ts"
import { EXPORT_ACTION, IMPORT_ACTION } from "./transfer.ts"

const ACTION = "mesg:show-applications"
const TAB = "mesg"

/** The sidebar's tab with the applications of these flows. It reads them while it can be seen, and when they change. */
export function startPanel(): void {
  const agents = element("div", { class: "mesg-agents" })
  const note = element("p", { class: "mesg-empty", role: "status" })
  const content = element(
    "div",
    { class: "mesg-panel", tabindex: "-1", "aria-label": text("panel.name") },
    note,
    agents,
    element(
      "div",
      { class: "mesg-buttons" },
      actionButton("transfer.import-title", IMPORT_ACTION),
      actionButton("transfer.export-title", EXPORT_ACTION),
    ),
  )
  let seen = false
  let reading = false
  let stale = true

  const read = () => {
    stale = true
    if (!seen || reading) return
    stale = false
    reading = true
    $.getJSON("mesg/panel", (view) => show(view as PanelView, agents, note))
      .fail(() => {
        note.textContent = text("panel.unread")
      })
      .always(() => {
        reading = false
        // It changed while it was read.
        if (stale) read()
      })
  }
  RED.actions.add(ACTION, () => {
    RED.sidebar.show(TAB)
    content.focus()
  })
  RED.keyboard.add("*", "ctrl-g a", ACTION)
  RED.sidebar.addTab({
    id: TAB,
    label: text("panel.label"),
    name: text("panel.name"),
    iconClass: "fa fa-cubes",
    content,
    action: ACTION,
    enableOnEdit: true,
  })
  new IntersectionObserver((entries) => {
    seen = entries.at(-1)!.isIntersecting
    if (stale) read()
  }).observe(content)
  RED.comms.subscribe("mesg/panel", read)
}

function actionButton(label: string, action: string): HTMLElement {
  const button = element("button", { type: "button", class: "red-ui-button red-ui-button-small" }, text(label))
  button.addEventListener("click", () => RED.actions.invoke(action))
  return button
}

function show(view: PanelView, agents: HTMLElement, note: HTMLElement): void {
  const focused = (document.activeElement as HTMLElement | null)?.dataset["mesgKey"]
  note.textContent = view.agents.length === 0 ? text("panel.empty") : ""
  agents.replaceChildren(...view.agents.map(agentEntry))
  if (view.more > 0) agents.append(element("p", {}, text("panel.more", { count: view.more })))
  // What is made anew takes over the focus of what was there, so that a keyboard stays where it is.
  if (focused !== undefined) {
    agents.querySelector<HTMLElement>(`[data-mesg-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
  }
}
