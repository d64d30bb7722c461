import { loadConfig } from "../../agent/io/config/config.ts"

/**
 * The guide is what a person reads at `npm start`, and `mesg logs` has the log: only who asked for a level gets that one.
 * @returns the settings of the agent
 */
export function settingsFor(home: string, env: NodeJS.ProcessEnv, sets: readonly string[]): readonly string[] {
  const entries = loadConfig({ home, env, sets }).entries()
  const level = entries.find(({ key }) => key === "log.level")
  return level?.source === "default" ? ["log.level=warn", ...sets] : sets
}
