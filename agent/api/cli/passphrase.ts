import type { Terminal } from "./terminal.ts"
import { readText, usage } from "./values.ts"

/** Where a passphrase comes from: a file, the environment, or the person at the terminal. Never an argument. */
export interface PassphraseSources {
  /** Of `--passphrase-file`: its first line. */
  readonly file: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Pick<Terminal, "askHidden">
}

/**
 * @param question for the person
 * @param again asks twice, so that a slip does not lock the keys up
 * @returns null where nobody gave one
 * @throws CliError USAGE, FILE_UNREADABLE
 */
export async function passphraseFrom(
  { file, env, terminal }: PassphraseSources,
  question: string,
  again = false,
): Promise<string | null> {
  if (file !== undefined) {
    const [line = ""] = readText(file).split(/\r?\n/)
    if (line === "") throw usage(`${file} has no passphrase in its first line`)
    return line
  }
  const given = env["MESG_BACKUP_PASSPHRASE"] ?? (await terminal.askHidden?.(`${question}: `)) ?? ""
  if (given === "") return null
  if (env["MESG_BACKUP_PASSPHRASE"] === undefined && again && (await terminal.askHidden!("Once more: ")) !== given) {
    throw usage("the two passphrases differ")
  }
  return given
}
