import { AgentError } from "../api/agent-error.ts"

/**
 * Values for the settings of an application: the credentials of its `mesg-settings` node.
 * @throws AgentError SETTINGS_INVALID
 */
export function settingsValues(credentials: Readonly<Record<string, string | undefined>> | undefined): object {
  const values = credentials?.["values"]?.trim() ?? ""
  if (values === "") return {}
  const parsed = objectIn(values)
  if (parsed !== null) return parsed
  throw new AgentError("SETTINGS_INVALID", "the values of the settings of this application are no JSON object", {
    status: 422,
    problem: { remedy: 'open its settings, and write all of them: {"name": "value"}' },
  })
}

function objectIn(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}
