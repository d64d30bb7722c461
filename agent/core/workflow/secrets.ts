import type { Application } from "../../schema/application.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { secretSettings } from "../../schema/settings.ts"
import { type Catalogue, runTarget } from "./compile.ts"
import type { Refuse } from "./refuse.ts"
import { pointerToken, templateExpressions, templateParts } from "./template.ts"

/*
 * Secret settings of an application: docs/spec/application.md#secrets. Expressions never see them. A `{{ config.key }}`
 * that is a whole value of a task's inputs marks a place; what is recorded there is HIDDEN, and the secret is put in
 * when the inputs are handed to the service. Places come from the definition alone: no data can make one.
 */

/** A value of a task's inputs that is a secret setting. `path`: member by member, indices of lists as text. */
export interface SecretPlace {
  readonly path: readonly string[]
  readonly setting: string
}

const WHOLE = /^config\.(?:`([^`]+)`|([A-Za-z][A-Za-z0-9_]*))$/

/** @returns the places of secrets in a `with` */
export function secretPlaces(template: Json, secrets: readonly string[]): SecretPlace[] {
  if (secrets.length === 0) return []
  if (typeof template === "string") {
    const setting = wholeSetting(template)
    return setting !== null && secrets.includes(setting) ? [{ path: [], setting }] : []
  }
  if (typeof template !== "object" || template === null) return []
  return Object.entries(template).flatMap(([key, inner]) =>
    secretPlaces(inner as Json, secrets).map(({ path, setting }) => ({ path: [key, ...path], setting })),
  )
}

/** Inputs as the service gets them. @param inputs rendered from the template of the places */
export function putSecrets(inputs: Json, places: readonly (SecretPlace & { readonly value: Json })[]): Json {
  return places.reduce((whole, { path, value }) => put(whole, path, value), inputs)
}

function put(whole: Json, path: readonly string[], secret: Json): Json {
  const [key, ...rest] = path
  if (key === undefined) return secret
  if (typeof whole !== "object" || whole === null) return whole
  if (Array.isArray(whole)) return whole.map((item: Json, i) => (String(i) === key ? put(item, rest, secret) : item))
  const object = whole as JsonObject
  return { ...object, [key]: put(object[key] ?? null, rest, secret) }
}

/** @returns the setting that a text is, null where it is anything else */
function wholeSetting(text: string): string | null {
  const parts = templateParts(text)
  const only = parts?.length === 1 ? parts[0]! : null
  const match = only !== null && "expression" in only ? WHOLE.exec(only.expression) : null
  return match?.[1] ?? match?.[2] ?? null
}

/** Refuses what would show a secret, or could never work. */
export function checkSecrets(application: Application, catalogue: Catalogue, refuse: Refuse): void {
  const secrets = secretSettings(application)
  if (secrets.length === 0) return
  for (const name of secrets) {
    if (application.config[name]!.default === undefined) continue
    const remedy = "leave the default out and give the value with: mesg app deploy FILE --config SETTINGS.yml"
    refuse("SECRET", `/config/${pointerToken(name)}/default`, "a default is in the document for all to read", remedy)
  }
  const named = (source: string | null | undefined, path: string) => {
    const name = typeof source === "string" ? secrets.find((secret) => names(source, secret)) : undefined
    if (name !== undefined) refuse("SECRET", path, `secret "${name}" ${ONLY_WHOLE}`, wholeRemedy(name))
  }
  for (const [workflowName, workflow] of Object.entries(application.workflows)) {
    const at = `/workflows/${pointerToken(workflowName)}`
    named(workflow.trigger.where, `${at}/trigger/where`)
    for (const [name, task] of Object.entries(workflow.tasks)) {
      const here = `${at}/tasks/${name}`
      named(task.wait?.where, `${here}/wait/where`)
      const places = secretPlaces(task.with as Json, secrets)
      const allowed = new Set(places.map(({ path }) => path.map((key) => `/${pointerToken(key)}`).join("")))
      for (const { path, source } of templateExpressions(task.with as Json))
        if (!allowed.has(path)) named(source, `${here}/with${path}`)
      if (places.length > 0) checkTarget(task.run, `${here}/run`, catalogue, refuse)
    }
  }
  for (const [status, output] of Object.entries(application.outputs ?? {})) {
    for (const { path, source } of templateExpressions(output.data as Json))
      named(source, `/outputs/${status}/data${path}`)
  }
}

const ONLY_WHOLE = "may only be a whole value of a task's inputs"

function wholeRemedy(name: string): string {
  return `write "{{ config.${name} }}" and nothing else; put the whole text, such as "Bearer …", into the setting`
}

function checkTarget(run: string, at: string, catalogue: Catalogue, refuse: Refuse): void {
  const target = runTarget(run)
  if ("application" in target) {
    const remedy = "give the secret to the called application when it is deployed"
    refuse("SECRET", at, "what an application is called with is recorded as its trigger", remedy)
  } else if (catalogue.isRemote?.(target.service) === true) {
    const remedy = `let "${target.service}" have the secret where it runs`
    refuse("SECRET", at, `service "${target.service}" runs behind MQTT, where messages wait in queues`, remedy)
  }
}

/** Whether an expression names the setting. That it cannot get at the secret in another way is not up to this. */
function names(source: string, setting: string): boolean {
  const code = source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')
  const name = setting.replace(/[-]/g, "\\-")
  const plain = /^[A-Za-z]\w*$/.test(setting) ? `|${name}(?!\\w)` : ""
  return new RegExp(`(?:^|[^\\w.$\`]|\\$\\$?\\s*\\.\\s*)(?:config|\`config\`)\\s*\\.\\s*(?:\`${name}\`${plain})`).test(
    code,
  )
}
