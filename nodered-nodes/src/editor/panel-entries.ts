import type { PanelAgent, PanelApplication, PanelRefusal, PanelResult } from "../runtime/panel/view.ts"
import { element } from "./element.ts"
import { text } from "./text.ts"

/** An agent with the applications that these flows are there. */
export function agentEntry(agent: PanelAgent): HTMLElement {
  const title = element("h3", {}, agent.name || (agent.id === "" ? text("panel.local") : text("palette.agent")))
  const head = element("header", {}, title)
  if (agent.url !== null) {
    const link = { href: agent.url, target: "_blank", rel: "noopener", "data-mesg-key": `console ${agent.id}` }
    head.append(element("a", link, text("panel.console")))
  }
  const section = element("section", { class: "mesg-agent" }, head)
  if (agent.problem !== null) section.append(element("p", { class: "mesg-problem" }, agent.problem))
  const entries = agent.applications.map((application) => applicationEntry(agent.id, application))
  section.append(element("ul", { class: "mesg-applications" }, ...entries))
  return section
}

function applicationEntry(agent: string, application: PanelApplication): HTMLElement {
  const { name, standing, version, node } = application
  const key = `${agent} ${name}`
  const state = element("span", { class: `mesg-standing mesg-${standing}` }, text(`panel.standing.${standing}`))
  const parts = [
    element("div", { class: "mesg-head" }, revealButton(name, node, key), versionMark(version), state),
    element("p", { class: "mesg-open" }, openText(application)),
  ]
  if (application.refusals.length > 0) {
    const refusals = application.refusals.map((refusal, i) => refusalEntry(refusal, `${key} ${i}`))
    parts.push(element("ul", { class: "mesg-refusals", "aria-label": text("panel.refusals") }, ...refusals))
  }
  if (application.results.length > 0) {
    const results = application.results.map(resultEntry)
    parts.push(element("ol", { class: "mesg-results", "aria-label": text("panel.results") }, ...results))
  }
  return element("li", { class: "mesg-application", "data-mesg-application": name }, ...parts)
}

function versionMark(version: number | null): HTMLElement {
  return element("span", { class: "mesg-version" }, version === null ? "" : `v${version}`)
}

function openText({ running, waiting, older, countedAll }: PanelApplication): string {
  const more = countedAll ? "" : "+"
  const parts = [
    ...(running > 0 ? [text("status.running", { count: `${running}${more}` })] : []),
    ...(waiting > 0 ? [text("status.waiting", { count: `${waiting}${more}` })] : []),
    ...(older > 0 ? [text("panel.older", { count: older })] : []),
  ]
  return parts.length === 0 ? text("panel.idle") : parts.join(", ")
}

function refusalEntry({ code, message, node }: PanelRefusal, key: string): HTMLElement {
  return element("li", {}, revealButton(`${code}: ${message}`, node, key))
}

function resultEntry({ execution, workflow, status, finished }: PanelResult): HTMLElement {
  const at = new Date(finished)
  const isToday = at.toDateString() === new Date().toDateString()
  const time = element("time", { datetime: finished }, isToday ? at.toLocaleTimeString() : at.toLocaleString())
  const word = element("span", { class: "mesg-status" }, text(`status.branch.${status}`))
  const mark = element("span", { class: `mesg-mark mesg-${status}`, "aria-hidden": "true" })
  return element("li", { title: execution }, mark, word, ` ${workflow} `, time)
}

/** Goes to a node: on its tab, in its subflow, or in the dialog of a configuration. */
function revealButton(label: string, node: string, key: string): HTMLElement {
  const button = element("button", { type: "button", class: "mesg-reveal", "data-mesg-key": key }, label)
  button.addEventListener("click", () => {
    const found = RED.nodes.node(node)
    if (found === null || found === undefined) return
    if (found._def.category === "config") RED.editor.editConfig("", found.type, node)
    else RED.view.reveal(node)
  })
  return button
}
