/** The dialog of a node that does work. Texts come from the catalogue. */
export function workForm(subject = ""): string {
  return `
<input type="hidden" id="node-input-outputs">
<div id="mesg-warning" class="mesg-warning" role="alert"></div>
${field("name", "fa-tag", `<input type="text" id="node-input-name" data-i18n="[placeholder]mesg.placeholder.name">`)}
${field("agent", "fa-server", `<input type="text" id="node-input-agent">`)}
${subject}
<fieldset class="mesg-group"><legend data-i18n="mesg.label.inputs"></legend><div id="mesg-inputs"></div></fieldset>
${joinField()}
${field("timeout", "fa-clock-o", `<input type="text" id="node-input-timeout" aria-describedby="mesg-note-timeout" data-i18n="[placeholder]mesg.placeholder.timeout">`)}
${note("timeout")}
<div class="form-row" role="group" aria-labelledby="mesg-ports-label"><label id="mesg-ports-label"><i class="fa fa-sign-out" aria-hidden="true"></i> <span data-i18n="mesg.label.outputs"></span></label><span id="mesg-ports"></span></div>`
}

/** How several statuses that lead to a node come together. */
export function joinField(): string {
  const options = ["auto", "all", "any"]
    .map((choice) => `<option value="${choice}" data-i18n="mesg.choice.${choice}"></option>`)
    .join("")
  return field("join", "fa-code-fork", `<select id="node-input-join">${options}</select>`)
}

/** One row of a dialog. @param name of the property and of its label */
export function field(name: string, icon: string, input: string, prefix = "node-input"): string {
  return `<div class="form-row"><label for="${prefix}-${name}"><i class="fa ${icon}" aria-hidden="true"></i> <span data-i18n="mesg.label.${name}"></span></label>${input}</div>`
}

/** What is to be known of a field, below it; the field names it in `aria-describedby`. */
function note(name: string): string {
  return `<p class="mesg-note" id="mesg-note-${name}" data-i18n="mesg.note.${name}"></p>`
}

/** The dialog of a node of an event. */
export function eventForm(subject = ""): string {
  const overlap = ["parallel", "queue", "skip"]
    .map((choice) => `<option value="${choice}" data-i18n="mesg.choice.${choice}"></option>`)
    .join("")
  const duration = (name: string) =>
    `<input type="text" id="node-input-${name}" data-i18n="[placeholder]mesg.placeholder.duration">`
  return `
${field("name", "fa-tag", `<input type="text" id="node-input-name">`)}
${field("agent", "fa-server", `<input type="text" id="node-input-agent">`)}
${subject}
${field("where", "fa-filter", `<input type="text" id="node-input-where" data-i18n="[placeholder]mesg.placeholder.where">`)}
${field("debounce", "fa-compress", duration("debounce"))}
${field("throttle", "fa-tachometer", duration("throttle"))}
${field("overlap", "fa-clone", `<select id="node-input-overlap" aria-describedby="mesg-note-overlap">${overlap}</select>`)}
${note("overlap")}
${field("settings", "fa-cubes", `<input type="text" id="node-input-settings">`)}`
}
