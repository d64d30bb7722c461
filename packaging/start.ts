// `npm start`: the agent with the example application and a simulated charger, and a guide on the terminal.
// Takes the options of `mesg start`: --home DIR, --set mqtt.port=1884.
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { processTerminal } from "../agent/api/cli/terminal.ts"
import { readRunFiles } from "../agent/api/run-files.ts"
import { isMesgError } from "../agent/base/errors.ts"
import type { RunningAgent } from "../agent/compose.ts"
import { loadConfig } from "../agent/io/config/config.ts"
import { homeFolder } from "../agent/io/config/home.ts"
import { launchAgent } from "../agent/launch.ts"
import { Example } from "./start/example.ts"
import { guide, portHint } from "./start/guide.ts"
import { settingsFor } from "./start/level.ts"

const terminal = processTerminal(process.env)

function optionsOf(args: readonly string[]): { home: string | undefined; sets: readonly string[] } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { home: { type: "string" }, set: { type: "string", multiple: true } },
    })
    return { home: values.home, sets: values.set ?? [] }
  } catch (error) {
    terminal.err(`npm start: ${(error as Error).message}\n  it takes -- [--home DIR] [--set KEY=VALUE]\n`)
    process.exit(2)
  }
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { home: named, sets } = optionsOf(process.argv.slice(2))
  const home = homeFolder(named, process.env)
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string
  }
  terminal.out("mesg: starting the agent …\n")
  let agent: RunningAgent
  try {
    agent = await launchAgent({ home, sets: settingsFor(home, process.env, sets), env: process.env, version })
  } catch (error) {
    if (!isMesgError(error)) throw error
    terminal.err(`mesg: ${error.message} (${error.code})\n  ${portHint(error) ?? error.remedy ?? ""}\n`)
    return 1
  }
  const { config } = loadConfig({ home, env: process.env, sets })
  const example = new Example(home, readRunFiles(home)!, terminal)
  // Until the guide stands there, executions that others begin are not told of.
  const done = agent.stopped.then(async (code) => {
    await example.stop()
    return code
  })
  try {
    await example.start()
    const first = await example.first()
    terminal.out(guide({ home, named: named !== undefined, agent, anonymous: config.mqtt.anonymous, first, terminal }))
    example.tell()
  } catch (error) {
    if (!example.stopped) {
      terminal.err(`mesg: the example could not be started: ${(error as Error).message}\n`)
      agent.stop()
      await done
      return 1
    }
  }
  return done
}

process.exitCode = await main()
