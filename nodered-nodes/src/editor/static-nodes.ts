import { WAIT_PORTS } from "../flow/nodes.ts"
import { textOf } from "../flow/raw.ts"
import { agentLabel } from "./agents.ts"
import { COLOURS } from "./colours.ts"
import { element } from "./element.ts"
import { eventDefaults, prepareEvent } from "./event-node.ts"
import type { EditorNode, NodeDefinition } from "./red.ts"
import { applicationsOf, applicationSubject, services, taskSubject } from "./subject.ts"
import { text } from "./text.ts"
import { isJson } from "./validation.ts"
import { isDuration, prepareWork, saveWork, workBehaviour, workDefaults } from "./work-node.ts"

const chosen = (value: unknown) => value !== "" && value !== undefined

/** The nodes that are always in the palette. Their dialogs are in nodes.html. */
export function registerStaticNodes(): void {
  registerConfigurations()
  RED.nodes.registerType("mesg-event", eventNode())
  RED.nodes.registerType("mesg-task", taskNode())
  RED.nodes.registerType("mesg-wait", waitNode())
  RED.nodes.registerType("mesg-application", applicationNode())
}

function registerConfigurations(): void {
  RED.nodes.registerType("mesg-agent", {
    category: "config",
    defaults: { name: { value: "" }, url: { value: "" } },
    credentials: { token: { type: "password" } },
    label() {
      return agentLabel(this)
    },
  })
  RED.nodes.registerType("mesg-settings", {
    category: "config",
    defaults: {
      name: { value: "" },
      description: { value: "" },
      visibility: { value: "private" },
      config: { value: "", validate: isJson },
    },
    credentials: { values: { type: "password" } },
    label() {
      return this.name || text("palette.settings")
    },
  })
}

function eventNode(): NodeDefinition {
  return {
    category: "MESG",
    color: COLOURS.event,
    icon: "mesg-event.svg",
    defaults: {
      ...eventDefaults(),
      service: { value: "", required: true, validate: chosen },
      event: { value: "", required: true, validate: chosen },
    },
    inputs: 0,
    outputs: 1,
    paletteLabel: () => text("palette.event"),
    label() {
      return this.name || textOf(this, "event") || text("palette.event")
    },
    oneditprepare() {
      prepareEvent(this)
      chooseSubject(this, "event")
    },
  }
}

function taskNode(): NodeDefinition {
  const choice = () =>
    taskSubject($("#node-input-service").val(), $("#node-input-task").val(), $("#node-input-agent").val())
  return {
    ...workBehaviour(),
    category: "MESG",
    color: COLOURS.task,
    icon: "mesg-task.svg",
    defaults: {
      ...workDefaults(["error"]),
      service: { value: "", required: true, validate: chosen },
      task: { value: "", required: true, validate: chosen },
    },
    outputs: 1,
    paletteLabel: () => text("palette.task"),
    label() {
      return this.name || textOf(this, "task") || text("palette.task")
    },
    oneditprepare() {
      chooseSubject(this, "task", () => prepareWork(this, choice()))
    },
    oneditsave() {
      saveWork(this, choice())
    },
  }
}

function waitNode(): NodeDefinition {
  return {
    category: "MESG",
    color: COLOURS.wait,
    icon: "mesg-wait.svg",
    defaults: {
      name: { value: "" },
      agent: { value: "", type: "mesg-agent", required: false },
      service: { value: "", required: true, validate: chosen },
      event: { value: "", required: true, validate: chosen },
      where: { value: "" },
      join: { value: "auto" },
      timeout: { value: "", validate: isDuration },
      redact: { value: [] },
    },
    inputs: 1,
    outputs: WAIT_PORTS.length,
    outputLabels: (port) => WAIT_PORTS[port],
    paletteLabel: () => text("palette.wait"),
    label() {
      return this.name || textOf(this, "event") || text("palette.wait")
    },
    oneditprepare() {
      prepareEvent(this)
      chooseSubject(this, "event")
    },
  }
}

function applicationNode(): NodeDefinition {
  const agent = () => RED.nodes.node($("#node-input-agent").val())?.id ?? ""
  const choice = () => applicationSubject(agent(), $("#node-input-application").val())
  return {
    ...workBehaviour(),
    category: "MESG",
    color: COLOURS.application,
    icon: "mesg-application.svg",
    defaults: { ...workDefaults(["error"]), application: { value: "", required: true, validate: chosen } },
    outputs: 1,
    paletteLabel: () => text("palette.application"),
    label() {
      return this.name || textOf(this, "application") || text("palette.application")
    },
    oneditprepare() {
      const show = (application: string) => {
        const names = applicationsOf(agent()).map(({ name }) => name)
        fill("application", names, application)
        prepareWork(this, choice())
      }
      show(textOf(this, "application"))
      for (const id of ["#node-input-agent", "#node-input-application"]) {
        $(id).on("change", () => show($("#node-input-application").val()))
      }
    },
    oneditsave() {
      saveWork(this, choice())
    },
  }
}

/** A list of a dialog. What is stored stays choosable though it is gone. */
function fill(id: string, choices: readonly string[], current: string): void {
  const list = $(`#node-input-${id}`).empty()
  const all = current === "" || choices.includes(current) ? choices : [...choices, current]
  for (const choice of ["", ...all]) list.append(element("option", { value: choice }, choice))
  list.val(current)
}

/** Two lists: the services, and what the chosen one has of a kind. */
function chooseSubject(node: EditorNode, kind: "task" | "event", changed: () => void = () => {}): void {
  const members = (service: string) => {
    const found = services.get(service)
    return found === undefined ? [] : Object.keys(kind === "task" ? found.tasks : found.events)
  }
  const usable = [...services.values()].filter(({ id, removed }) => !removed && members(id).length > 0)
  fill("service", usable.map(({ id }) => id).sort(), textOf(node, "service"))
  fill(kind, members(textOf(node, "service")), textOf(node, kind))
  $("#node-input-service").on("change", () => {
    fill(kind, members($("#node-input-service").val()), "")
    changed()
  })
  $(`#node-input-${kind}`).on("change", changed)
  changed()
}
