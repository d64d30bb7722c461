#!/usr/bin/env node
import { readFileSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { fileURLToPath } from "node:url"

/*
 * The one program: `mesg <noun> <verb>`. Commands talk to the running agent; `start` is the agent.
 * What a command does not need is not loaded: a gateway's user waits for it.
 */
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }

// Beside the program, where nobody else writes: what is imported from here on is stripped and compiled once.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/mesg", import.meta.url)))
// When nothing is left to do. By itself Node closes what it counts as open, and may then spin for ever
// (node::Environment::CleanupHandles, seen in 26.10).
process.once("beforeExit", () => process.exit())
const { runCli } = await import("./api/cli/cli.ts")
const { homeFolder } = await import("./io/config/home.ts")
const { localActions } = await import("./local.ts")

process.exitCode = await runCli(process.argv.slice(2), {
  version,
  env: process.env,
  homeFolder: (flag) => homeFolder(flag, process.env),
  local: localActions(version),
})
