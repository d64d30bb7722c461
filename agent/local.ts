import { join } from "node:path"
import type { LocalActions } from "./api/cli/local.ts"

/** The commands that need no running agent. Each loads what it needs when it is called. */
export function localActions(version: string): LocalActions {
  return {
    async start({ home, sets }) {
      const { startAgent } = await import("./compose.ts")
      const agent = await startAgent({ home, sets, env: process.env, version })
      return agent.stopped
    },
    async init({ home }) {
      const { initHome } = await import("./io/config/init.ts")
      const { openKeys } = await import("./io/keys/keys.ts")
      const made = initHome(home)
      const { nodeKey } = openKeys(join(home, "keys"))
      return { exitCode: 0, output: { home, nodeKey, made }, text: `${home} is ready (node ${nodeKey.slice(0, 16)}…)` }
    },
    async restore({ home, values }) {
      const { restoreBackup } = await import("./io/store/backup.ts")
      const dryRun = values["dryRun"] === true
      const content = await restoreBackup(join(home, "data"), String(values["file"]), { dryRun, wallMs: Date.now() })
      const verb = dryRun ? "can be restored" : "is restored"
      return { exitCode: 0, output: { ...content, dryRun }, text: `the backup ${verb}: ${content.entries} entries` }
    },
  }
}
