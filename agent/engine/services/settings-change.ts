import type { JsonObject } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { checkSettings, settingsTrouble } from "../../schema/settings.ts"
import { RegistryError } from "./error.ts"

/** @throws RegistryError SERVICE_SETTING_UNKNOWN */
export function checkNames(manifest: Manifest, config: JsonObject): void {
  for (const name of Object.keys(config)) {
    if (Object.hasOwn(manifest.config, name)) continue
    throw new RegistryError(
      { code: "SERVICE_SETTING_UNKNOWN", service: manifest.id, setting: name },
      `service "${manifest.id}" has no setting "${name}"`,
      { remedy: `its settings: ${Object.keys(manifest.config).join(", ") || "none"}` },
    )
  }
}

/**
 * Settings may come one by one: what is still missing is no fault of those that are given now, what they break is.
 * @param change what is given now, null where a setting is taken away
 * @param settings all of them, as they would be
 * @throws RegistryError SETTINGS_INVALID
 */
export function checkChange(manifest: Manifest, change: JsonObject, settings: JsonObject): void {
  const checked = checkSettings(manifest, settings)
  if (checked.ok) return
  const missing = checked.missing.filter((name) => Object.hasOwn(change, name))
  const issues = checked.issues.filter(({ path }) => Object.hasOwn(change, path.split("/")[1] ?? ""))
  if (missing.length + issues.length === 0) return
  const all = [...missing.map((name) => ({ path: `/${name}`, message: "is missing" })), ...issues]
  throw new RegistryError(
    { code: "SETTINGS_INVALID", service: manifest.id, issues: all },
    `settings of ${manifest.id}: ${settingsTrouble({ ok: false, missing, issues })}`,
    { remedy: `\`mesg service show ${manifest.id}\` has the schema of each setting; nothing was changed` },
  )
}
