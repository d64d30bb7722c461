#!/usr/bin/env node
import { readFileSync } from "node:fs"
import { runCli } from "./api/cli/cli.ts"
import { homeFolder } from "./io/config/home.ts"
import { localActions } from "./local.ts"

/*
 * The one program: `mesg <noun> <verb>`. Commands talk to the running agent; `start` is the agent.
 * What a command does not need is not loaded: a gateway's user waits for it.
 */
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }

process.exitCode = await runCli(process.argv.slice(2), {
  version,
  env: process.env,
  homeFolder: (flag) => homeFolder(flag, process.env),
  local: localActions(version),
})
