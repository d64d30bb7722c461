import { Command as Commander, Option } from "commander"
import type { CommandOption, CommandValue } from "../operations/operation.ts"
import { type AnyCommand, argumentWords, COMMANDS, NOUNS, summaryOf } from "./command-list.ts"

/** A command line that was understood. */
export interface Chosen {
  readonly entry: AnyCommand
  readonly typed: ReadonlyMap<CommandValue, unknown>
  readonly home: string | undefined
  readonly json: boolean
}

export interface ProgramOptions {
  readonly version: string
  readonly columns: number
  out(text: string): void
  err(text: string): void
}

/**
 * The command line as commander knows it. Only the commands of the noun that is asked for are made: the others would
 * cost a user's time at every start.
 * @param words the command line without the program's name
 * @param chosen told what to do, once it was understood
 * @throws CommanderError for help, version and usage errors
 */
export function createProgram(
  words: readonly string[],
  options: ProgramOptions,
  chosen: (what: Chosen) => void,
): Commander {
  const program = new Commander("mesg")
  program
    .description("Device events run durable workflows on this gateway.")
    .version(options.version, "-V, --version", "print the version")
    .option("--json", "print one JSON value")
    .option("--home <dir>", "the agent's home")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", "\nExit codes: 0 ok, 1 failed, 2 usage, 3 no agent running, 4 not allowed.")
    .exitOverride()
    .showHelpAfterError("  see --help (USAGE)")
    .configureOutput({
      writeOut: options.out,
      writeErr: options.err,
      getOutHelpWidth: () => options.columns,
      getErrHelpWidth: () => options.columns,
      outputError: (text, write) => {
        write(text.replace(/^error: /, "mesg: "))
      },
    })
  const asked = words.find((word) => !word.startsWith("-"))
  const wanted = COMMANDS.filter(({ command }) => command.name.split(" ", 1)[0] === asked)
  const groups = new Map<string, Commander>()
  for (const entry of wanted.length > 0 ? wanted : COMMANDS) {
    const [noun, verb] = entry.command.name.split(" ") as [string, string | undefined]
    const parent = verb === undefined ? program : groupOf(program, groups, noun)
    addCommand(parent, verb ?? noun, entry, chosen)
  }
  return program
}

function groupOf(program: Commander, groups: Map<string, Commander>, noun: string): Commander {
  const known = groups.get(noun)
  if (known !== undefined) return known
  const group = program.command(noun).description(NOUNS[noun] ?? "")
  group.copyInheritedSettings(program).helpCommand(false)
  groups.set(noun, group)
  return group
}

function addCommand(parent: Commander, name: string, entry: AnyCommand, chosen: (what: Chosen) => void): void {
  const { command } = entry
  const made = parent.command(name).description(summaryOf(entry)).copyInheritedSettings(parent)
  for (const [at, word] of argumentWords(command).entries()) {
    made.argument(word.startsWith("[") ? word : `<${word}>`, command.arguments![at]!.summary)
  }
  const own = new Map<string, CommandOption>()
  for (const option of command.options ?? []) {
    const made_ = optionOf(option)
    own.set(made_.attributeName(), option)
    made.addOption(made_)
  }
  made.option("--json", "print one JSON value").option("--home <dir>", "the agent's home")
  if (command.example !== undefined) made.addHelpText("after", `\nExample: ${command.example}`)
  made.action((...received: unknown[]) => {
    const typed = new Map<CommandValue, unknown>()
    const given = received.slice(0, -2)
    for (const [i, argument] of (command.arguments ?? []).entries()) typed.set(argument, given[i])
    // --json and --home are understood before the noun too.
    const flags: Record<string, unknown> = made.optsWithGlobals()
    for (const [attribute, option] of own) typed.set(option, flags[attribute])
    chosen({ entry, typed, home: flags["home"] as string | undefined, json: flags["json"] === true })
  })
}

function optionOf(option: CommandOption): Option {
  const made = new Option(option.flags, option.summary)
  if (option.choices !== undefined) made.choices([...option.choices])
  if (option.required) made.makeOptionMandatory()
  if (option.kind === "list" || option.kind === "texts")
    made.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text])
  return made
}
