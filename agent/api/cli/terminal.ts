/** Where a command writes, and what can be shown there. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Whether a person is looking, and not a pipe. */
  readonly isInteractive: boolean
  readonly colours: boolean
  readonly columns: number
  /** Asks the person, who does not see what is typed; not there where nobody can answer. */
  askHidden?(question: string): Promise<string>
  /** ms since epoch, for relative times. */
  now(): number
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const
export type Style = keyof typeof CODES

/** @returns the text in this style where colours may be shown */
export function paint(terminal: Terminal, style: Style, text: string): string {
  return terminal.colours && text !== "" ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text
}

/** The terminal of this process. NO_COLOR and TERM=dumb are respected (no-color.org). */
export function processTerminal(env: Readonly<Record<string, string | undefined>>): Terminal {
  const isInteractive = process.stdout.isTTY
  // Who reads no further (`| head`) has had enough; that is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0)
    process.stderr.write(`mesg: its output was not written: ${error.message} (OUTPUT_UNWRITABLE)\n`)
    process.exit(1)
  })
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isInteractive,
    colours: isInteractive && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    columns: process.stdout.columns ?? 80,
    ...(process.stdin.isTTY && process.stderr.isTTY ? { askHidden } : {}),
    now: () => Date.now(),
  }
}

async function askHidden(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises")
  const { Writable } = await import("node:stream")
  process.stderr.write(question)
  // readline echoes what is typed to its output: there it is dropped.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output, terminal: true })
  try {
    return await lines.question("")
  } finally {
    lines.close()
    process.stderr.write("\n")
  }
}

/** @returns how many lines of the terminal the text takes: long ones go on in the next */
export function linesOf(terminal: Terminal, text: string): number {
  const lines = text
    .replace(/\u001b\[\d+m/g, "")
    .split("\n")
    .slice(0, -1)
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / terminal.columns)), 0)
}

/** What devices and people sent must not steer the terminal: control and format characters are shown as escapes. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    return `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`
  })
}
