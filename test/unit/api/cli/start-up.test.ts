import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { startApiServer } from "../../../support/api-server.ts"

/** Runs `mesg status` in a process of its own and prints every module that was resolved on the way. */
const SCRIPT = `
  import { registerHooks } from "node:module"
  const seen = []
  registerHooks({ resolve: (name, context, next) => { const found = next(name, context); seen.push(found.url); return found } })
  const { runCli } = await import(process.argv[1])
  const exitCode = await runCli(["status", "--json"], {
    version: "0", env: {}, homeFolder: () => process.argv[2], local: {},
  })
  process.stdout.write(JSON.stringify({ exitCode, seen }) + "\\n")
`

describe("the start-up of the CLI", () => {
  it("loads no HTTP library, no schemas, no engine and no store to talk to a running agent", async () => {
    const server = await startApiServer()
    try {
      const cli = new URL("../../../../agent/api/cli/cli.ts", import.meta.url).href
      const words = ["--input-type=module", "-e", SCRIPT, cli, server.home]
      const { stdout } = await promisify(execFile)(process.execPath, words)
      const [status, trace] = stdout.trim().split("\n") as [string, string]
      assert.equal((JSON.parse(status) as { version: string }).version, "0.1.0")
      const { exitCode, seen } = JSON.parse(trace) as { exitCode: number; seen: string[] }
      assert.equal(exitCode, 0)
      const heavy =
        /valibot|hono|aedes|lmdb|yaml|pino|node:https?$|agent\/(?:engine|io|core|schema)\/(?!json\.ts)|api\/http\//
      assert.deepEqual(
        seen.filter((url) => heavy.test(url)),
        [],
      )
      assert.ok(new Set(seen.filter((url) => url.startsWith("file:"))).size < 35, `${seen.length} modules`)
    } finally {
      await server.stop()
    }
  })
})
