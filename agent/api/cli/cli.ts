import type { CommanderError } from "commander"
import { isMesgError } from "../../base/errors.ts"
import { CliError, EXIT, exitCodeOf } from "./error.ts"
import type { LocalActions, LocalCall, LocalResult } from "./local.ts"
import type { Chosen } from "./program.ts"
import type { RunnerContext } from "./runner.ts"
import { paint, printable, processTerminal, type Terminal } from "./terminal.ts"

export interface CliOptions {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** @param flag of --home @returns the home, absolute */
  readonly homeFolder: (flag: string | undefined) => string
  readonly local: LocalActions
  /** Ends when the person has had enough: Ctrl-C. */
  readonly signal?: AbortSignal
  readonly terminal?: Terminal
}

/**
 * Runs one command line and never throws.
 * @param words without the program's name
 * @returns the exit code: 0 ok, 1 failed, 2 usage, 3 no agent running, 4 not allowed
 */
export async function runCli(words: readonly string[], options: CliOptions): Promise<number> {
  const terminal = options.terminal ?? processTerminal(options.env)
  let chosen: Chosen | null = null
  // Asked for before anything is understood: a fault of the command line is told in the same form.
  const json = words.includes("--json")
  try {
    const parsed = await parse(words, json, options, terminal)
    if (typeof parsed === "number") return parsed
    chosen = parsed
    return await run(chosen, options, terminal)
  } catch (error) {
    return report(error, chosen?.json ?? json, terminal)
  }
}

async function parse(
  words: readonly string[],
  json: boolean,
  options: CliOptions,
  terminal: Terminal,
): Promise<Chosen | number> {
  const { createProgram } = await import("./program.ts")
  const { CommanderError } = await import("commander")
  let chosen: Chosen | undefined
  const { version } = options
  const { columns } = terminal
  const err = json ? () => {} : terminal.err
  const program = createProgram(words, { version, columns, out: terminal.out, err }, (what) => {
    chosen = what
  })
  try {
    program.parse(words.length === 0 ? ["--help"] : [...words], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return EXIT.ok
    if (json) throw usageFault(error)
    return EXIT.usage
  }
  return chosen ?? EXIT.usage
}

function usageFault({ code, message }: CommanderError): CliError {
  const fault = code === "commander.help" ? "a command is missing" : message.replace(/^error: /, "")
  return new CliError({ code: "USAGE" }, fault, { remedy: "see --help" })
}

async function run(chosen: Chosen, options: CliOptions, terminal: Terminal): Promise<number> {
  const home = options.homeFolder(chosen.home)
  if (chosen.entry.kind === "local") return runLocal(chosen, home, options, terminal)
  const { findEndpoint } = await import("./endpoint.ts")
  const context: RunnerContext = {
    chosen,
    home,
    env: options.env,
    terminal,
    signal: options.signal ?? new AbortController().signal,
    endpoint: () => findEndpoint(home, options.env),
  }
  try {
    return await runOnAgent(chosen.entry.command.runner, context)
  } catch (error) {
    const { id } = chosen.entry.operation
    if (!(error instanceof CliError)) throw error
    if (error.code !== "NO_AGENT") throw (await import("./as-typed.ts")).asTyped(error, chosen.entry)
    if (id !== "config.show" && id !== "config.change") throw error
    const action = options.local[id]
    if (action === undefined) throw error
    // The same answer as the agent's, in the same form.
    const result = await action(await localCall(chosen, home, options.env, terminal))
    if (chosen.json) return finish(result, true, terminal)
    const { render } = await import("./render/render.ts")
    return finish({ ...result, text: await render(id, result.output, terminal) }, false, terminal)
  }
}

/** Each way to carry out a command is loaded only for it. */
async function runOnAgent(runner: string | undefined, context: RunnerContext): Promise<number> {
  switch (runner) {
    case "application":
      return (await import("./runners/application.ts")).runApplication(context)
    case "export":
      return (await import("./runners/application.ts")).runExport(context)
    case "backup":
      return (await import("./runners/backup.ts")).runBackup(context)
    case "logs":
      return (await import("./runners/follow.ts")).runLogs(context)
    case "tail":
      return (await import("./runners/follow.ts")).runTail(context)
    case "watch":
      return (await import("./runners/follow.ts")).runWatch(context)
    case "stop":
      return (await import("./runners/stop.ts")).runStop(context)
    default:
      return (await import("./runners/call.ts")).runCall(context)
  }
}

async function runLocal(chosen: Chosen, home: string, options: CliOptions, terminal: Terminal): Promise<number> {
  if (chosen.entry.kind !== "local") return EXIT.usage
  const call = await localCall(chosen, home, options.env, terminal)
  const { id } = chosen.entry.command
  if (id === "start") {
    const { sets = [], safe, nodeRed } = call.values
    const more = nodeRed === undefined ? [] : nodeRedSets(nodeRed as string)
    return options.local.start({ home, sets: [...(sets as string[]), ...more], safe: safe === true })
  }
  if (id === "completion" || id === "man") {
    const { completionScript, manPage } = await import("./shell.ts")
    terminal.out(id === "man" ? manPage(options.version) : completionScript(String(call.values["shell"])))
    return EXIT.ok
  }
  return finish(await options.local[id](call), chosen.json, terminal)
}

/** What `--node-red` and `--node-red PATH` stand for. */
function nodeRedSets(path: string): string[] {
  return ["nodeRed.run=true", ...(path === "" ? [] : [`nodeRed.path=${path}`])]
}

async function localCall(chosen: Chosen, home: string, env: CliOptions["env"], terminal: Terminal): Promise<LocalCall> {
  const { valueOf } = await import("./values.ts")
  const values: Record<string, unknown> = {}
  for (const [target, typed] of chosen.typed) {
    if (typed !== undefined) values[target.to.replace(/^\w+\./, "")] = valueOf(target, typed)
  }
  const { passphraseFrom } = await import("./passphrase.ts")
  const file = values["passphraseFile"] as string | undefined
  const passphrase = (question: string) => passphraseFrom({ file, env, terminal }, question)
  return { home, values, json: chosen.json, out: terminal.out, err: terminal.err, passphrase }
}

function finish(result: LocalResult, json: boolean, terminal: Terminal): number {
  if (json && result.output !== undefined) terminal.out(`${JSON.stringify(result.output)}\n`)
  else if (result.text !== undefined) terminal.out(result.text.endsWith("\n") ? result.text : `${result.text}\n`)
  return result.exitCode
}

/** One sentence, what to do, a stable code; with --json the one value is the error. */
function report(error: unknown, json: boolean, terminal: Terminal): number {
  if (!isMesgError(error)) throw error
  const { code, message, remedy } = error
  if (json) terminal.out(`${JSON.stringify({ code, message, ...(remedy === undefined ? {} : { remedy }) })}\n`)
  else {
    const hint = remedy === undefined ? "" : `\n  ${printable(remedy)}`
    terminal.err(`${paint(terminal, "red", "mesg:")} ${printable(message)} (${code})${hint}\n`)
  }
  return exitCodeOf(error)
}
