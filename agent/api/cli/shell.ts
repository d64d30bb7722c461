import { argumentWords, COMMANDS, NOUNS, summaryOf } from "./command-list.ts"

const SHARED_FLAGS = ["--json", "--home", "--help"]

interface Words {
  readonly nouns: readonly string[]
  readonly verbs: ReadonlyMap<string, readonly string[]>
  readonly flags: ReadonlyMap<string, readonly string[]>
}

/** What can follow what, from the same table as the commands. */
function words(): Words {
  const verbs = new Map<string, string[]>()
  const flags = new Map<string, string[]>()
  const nouns: string[] = []
  for (const { command } of COMMANDS) {
    const [noun, verb] = command.name.split(" ") as [string, string | undefined]
    if (!nouns.includes(noun)) nouns.push(noun)
    if (verb !== undefined) verbs.set(noun, [...(verbs.get(noun) ?? []), verb])
    const own = (command.options ?? []).map((option) => /--[a-z-]+/.exec(option.flags)![0])
    flags.set(command.name, [...own, ...SHARED_FLAGS])
  }
  return { nouns, verbs, flags }
}

/** @param shell bash, zsh or fish */
export function completionScript(shell: string): string {
  if (shell === "fish") return fishCompletion()
  return shell === "zsh"
    ? `#compdef mesg\nautoload -U +X bashcompinit && bashcompinit\n${bashCompletion()}`
    : bashCompletion()
}

function bashCompletion(): string {
  const { nouns, verbs, flags } = words()
  const verbCases = [...verbs].map(
    ([noun, list]) => `      ${noun}) COMPREPLY=($(compgen -W "${list.join(" ")}" -- "$word")); return ;;`,
  )
  const flagCases = [...flags].map(
    ([name, list]) => `    "${name}"*) COMPREPLY=($(compgen -W "${list.join(" ")}" -- "$word")) ;;`,
  )
  return `_mesg() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${nouns.join(" ")}" -- "$word"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ] && [ "\${word#-}" = "$word" ]; then
    case "\${COMP_WORDS[1]}" in
${verbCases.join("\n")}
    esac
  fi
  if [ "\${word#-}" = "$word" ]; then
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]} " in
${flagCases.join("\n")}
  esac
}
complete -o filenames -F _mesg mesg
`
}

function fishCompletion(): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
  const lines = ["complete -c mesg -n __fish_use_subcommand -f"]
  const seen = new Set<string>()
  for (const entry of COMMANDS) {
    const [noun, verb] = entry.command.name.split(" ") as [string, string | undefined]
    if (!seen.has(noun)) {
      seen.add(noun)
      const about = verb === undefined ? summaryOf(entry) : (NOUNS[noun] ?? "")
      lines.push(`complete -c mesg -n __fish_use_subcommand -a ${noun} -d ${quote(about)}`)
    }
    const before = `'__fish_seen_subcommand_from ${noun}'`
    if (verb !== undefined) lines.push(`complete -c mesg -n ${before} -f -a ${verb} -d ${quote(summaryOf(entry))}`)
    const when =
      verb === undefined ? before : `'__fish_seen_subcommand_from ${noun}; and __fish_seen_subcommand_from ${verb}'`
    for (const option of entry.command.options ?? []) {
      const long = /--([a-z-]+)/.exec(option.flags)![1]!
      lines.push(`complete -c mesg -n ${when} -l ${long} -d ${quote(option.summary)}`)
    }
  }
  lines.push("complete -c mesg -l json -d 'print one JSON value'", 'complete -c mesg -l home -r -d "the agent\'s home"')
  return `${lines.join("\n")}\n`
}

/** The manual page, made from the table; `man -l` reads it. @param version of the agent */
export function manPage(version: string): string {
  const escape = (text: string) =>
    text
      .replaceAll("\\", "\\e")
      .replaceAll("-", "\\-")
      .replace(/^([.'])/gm, "\\&$1")
  const sections = COMMANDS.map((entry) => {
    const { command } = entry
    const usage = ["mesg", command.name, ...argumentWords(command)].join(" ")
    const lines = [".TP", `.B ${escape(usage)}`, escape(`${summaryOf(entry)}.`)]
    for (const argument of command.arguments ?? []) lines.push(".br", escape(`${argument.name}: ${argument.summary}`))
    for (const option of command.options ?? []) lines.push(".br", escape(`${option.flags}: ${option.summary}`))
    return lines.join("\n")
  })
  return `.TH MESG 1 "" "mesg ${escape(version)}" "MESG Edge"
.SH NAME
mesg \\- device events run durable workflows on this gateway
.SH SYNOPSIS
.B mesg
.I noun verb
[\\-\\-json] [\\-\\-home DIR] [\\-\\-help]
.SH COMMANDS
${sections.join("\n")}
.SH EXIT STATUS
0 ok, 1 failed, 2 usage, 3 no agent running, 4 not allowed.
.SH ENVIRONMENT
MESG_HOME: the agent's home. MESG_URL, MESG_TOKEN: another agent. NO_COLOR: no colours.
.SH FILES
config.yml, keys/, data/, plugins/, run/token and run/agent.json in the home.
`
}
