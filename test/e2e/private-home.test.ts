import assert from "node:assert/strict"
import { chmodSync, mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { onAgent } from "../support/agent.ts"
import { tempDir } from "../support/temp-dir.ts"

const PATHS = [".", "run", "run/token", "run/agent.json", "keys", "data"]

function modesOf(home: string): string[] {
  return PATHS.map((path) => `${path} ${(statSync(join(home, path)).mode & 0o777).toString(8)}`)
}

const OWNERS = [". 700", "run 700", "run/token 600", "run/agent.json 600", "keys 700", "data 700"]
const GROUPS = [". 700", "run 750", "run/token 640", "run/agent.json 640", "keys 700", "data 700"]

const cases: { name: string; umask: string; service: boolean; modes: string[] }[] = [
  { name: "the owner's alone, whatever the umask would leave to others", umask: "000", service: false, modes: OWNERS },
  { name: "its group's to ask it, where systemd made the home", umask: "0027", service: true, modes: GROUPS },
  { name: "its group's to ask it, though the umask takes it away", umask: "077", service: true, modes: GROUPS },
]

describe("a home of a running agent is", () => {
  for (const { name, umask, service, modes } of cases) {
    it(`${name} (umask ${umask})`, async () => {
      const home = join(tempDir("modes"), "home")
      // Waiting for the agent needs the folder; it was made by nobody who cared.
      mkdirSync(home)
      chmodSync(home, 0o700)
      mkdirSync(join(home, "run"))
      chmodSync(join(home, "run"), 0o755)
      const shell = `umask ${umask}; exec "$0" "$@"`
      const command = ["sh", "-c", shell, process.execPath, join(import.meta.dirname, "../../agent/main.ts")]
      const env: Record<string, string> = service ? { STATE_DIRECTORY: home } : {}
      await onAgent({ home, command, env }, async () => assert.deepEqual(modesOf(home), modes))
    })
  }
})
