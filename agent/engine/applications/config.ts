import type { Application } from "../../schema/application.ts"
import { compileDataSchema, type DataIssue } from "../../schema/data-schema.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { settingsSchema } from "../../schema/settings.ts"
import { pointerToken } from "../../core/workflow/template.ts"
import { useInstead } from "../../core/workflow/refuse.ts"
import { ApplicationError } from "./error.ts"

/**
 * Settings of a deployment: what was given, else the defaults. Never puts a value into a message: it may be secret.
 * @throws ApplicationError APPLICATION_CONFIG_INVALID with every issue
 */
export function resolveConfig(application: Application, given: JsonObject): JsonObject {
  const resolved: Record<string, Json> = {}
  const issues: DataIssue[] = []
  const { properties } = settingsSchema(application)
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(properties, name)) continue
    const remedy = useInstead(name, Object.keys(properties), "it has no settings at all")
    issues.push({ path: pointerOf(name), message: `there is no setting "${name}"; ${remedy}` })
  }
  for (const [name, schema] of Object.entries(properties)) {
    const value = Object.hasOwn(given, name) ? given[name] : schema["default"]
    if (value === undefined) {
      issues.push({ path: pointerOf(name), message: `setting "${name}" is missing` })
      continue
    }
    const compiled = compileDataSchema(schema)
    // That the schema itself is sound has been checked by the rules.
    const broken = compiled.ok ? compiled.check(value) : [{ path: "", message: compiled.message }]
    for (const { path, message } of broken) {
      issues.push({ path: `${pointerOf(name)}${path}`, message: `setting "${name}"${path} ${message}` })
    }
    resolved[name] = value
  }
  const [first] = issues
  if (first === undefined) return resolved
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ""
  throw new ApplicationError(
    { code: "APPLICATION_CONFIG_INVALID", application: application.name, issues },
    `application "${application.name}": ${first.message}${more}`,
    { remedy: "give the settings with: mesg app deploy FILE --config SETTINGS.yml" },
  )
}

function pointerOf(name: string): string {
  return `/${pointerToken(name)}`
}
