import { eventForm, field, joinField, workForm } from "./forms.ts"

const subject = (kind: "task" | "event") =>
  `${field("service", "fa-cube", `<select id="node-input-service"></select>`)}
${field(kind, "fa-bolt", `<select id="node-input-${kind}"></select>`)}`

const named = (kind: "task" | "event") =>
  `${field("service", "fa-cube", `<input type="text" id="node-input-service">`)}
${field(kind, "fa-bolt", `<input type="text" id="node-input-${kind}">`)}`

const json = (name: string) =>
  field(name, "fa-code", `<textarea id="node-input-${name}" rows="5" spellcheck="false" class="mesg-code"></textarea>`)

const head = `${field("name", "fa-tag", `<input type="text" id="node-input-name">`)}
${field("agent", "fa-server", `<input type="text" id="node-input-agent">`)}`

const data = `<fieldset class="mesg-group"><legend data-i18n="mesg.label.data"></legend><div id="mesg-inputs"></div></fieldset>`

const config = (name: string, icon: string, input: string) => field(name, icon, input, "node-config-input")

/** The dialogs of the nodes that are always in the palette, by type. */
export const STATIC_FORMS = {
  "mesg-agent": `
${config("name", "fa-tag", `<input type="text" id="node-config-input-name">`)}
${config("url", "fa-globe", `<input type="text" id="node-config-input-url" data-i18n="[placeholder]mesg.placeholder.url">`)}
${config("token", "fa-key", `<input type="password" id="node-config-input-token">`)}`,
  "mesg-settings": `
${config("name", "fa-tag", `<input type="text" id="node-config-input-name">`)}
${config("description", "fa-align-left", `<input type="text" id="node-config-input-description">`)}
${config("visibility", "fa-eye", `<select id="node-config-input-visibility"><option value="private" data-i18n="mesg.choice.private"></option><option value="public" data-i18n="mesg.choice.public"></option></select>`)}
${config("config", "fa-sliders", `<textarea id="node-config-input-config" rows="4"></textarea>`)}
${config("values", "fa-lock", `<input type="password" id="node-config-input-values" autocomplete="off">`)}`,
  "mesg-event": eventForm(subject("event")),
  "mesg-task": workForm(subject("task")),
  "mesg-wait": `
${field("name", "fa-tag", `<input type="text" id="node-input-name">`)}
${field("agent", "fa-server", `<input type="text" id="node-input-agent">`)}
${subject("event")}
${field("where", "fa-filter", `<input type="text" id="node-input-where">`)}
${joinField()}
${field("timeout", "fa-clock-o", `<input type="text" id="node-input-timeout" data-i18n="[placeholder]mesg.placeholder.duration">`)}`,
  "mesg-service-task": `
${head}
${named("task")}
${json("declaration")}
<p class="mesg-note" data-i18n="mesg.note.task"></p>`,
  "mesg-service-result": `
${head}
${field("status", "fa-flag", `<input type="text" id="node-input-status" data-i18n="[placeholder]mesg.placeholder.status">`)}
${data}
${json("schema")}`,
  "mesg-service-event": `
${head}
${named("event")}
${data}
${json("declaration")}
<p class="mesg-note" data-i18n="mesg.note.event"></p>`,
  "mesg-application": workForm(field("application", "fa-cubes", `<select id="node-input-application"></select>`)),
}
