import { runCli } from "../../agent/api/cli/cli.ts"
import type { LocalActions, LocalCall } from "../../agent/api/cli/local.ts"
import type { Terminal } from "../../agent/api/cli/terminal.ts"
import { FAKE_TIME_MS } from "./fake-core.ts"

export interface CliRun {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

export interface CliRunOptions {
  readonly home?: string
  readonly env?: Readonly<Record<string, string>>
  readonly colours?: boolean
  readonly isInteractive?: boolean
  readonly signal?: AbortSignal
  /** What the person types where nothing shows. */
  readonly askHidden?: (question: string) => Promise<string>
  readonly local?: Partial<LocalActions>
  /** Told of everything that is written, as it is written. */
  readonly onOut?: (text: string) => void
}

/** Runs one command line in this process, as `mesg` does, and keeps what it writes. Three minutes after FAKE_TIME. */
export async function mesg(words: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  let out = ""
  let err = ""
  const terminal: Terminal = {
    out: (text) => {
      out += text
      options.onOut?.(text)
    },
    err: (text) => {
      err += text
    },
    isInteractive: options.isInteractive ?? false,
    colours: options.colours ?? false,
    columns: 100,
    now: () => FAKE_TIME_MS + 180_000,
    ...(options.askHidden === undefined ? {} : { askHidden: options.askHidden }),
  }
  const exitCode = await runCli(words, {
    version: "0.1.0",
    env: options.env ?? {},
    homeFolder: (flag) => flag ?? options.home ?? "/nowhere",
    local: { ...localActions(), ...options.local },
    terminal,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  return { exitCode, out, err }
}

/** @returns the one JSON object that a command printed */
export function objectOf(out: string): Readonly<Record<string, unknown>> {
  return JSON.parse(out) as Record<string, unknown>
}

/** Local commands that say what they were given. */
function localActions(): LocalActions {
  const say = async ({ home, values }: LocalCall) => {
    return { exitCode: 0, output: { home, values }, text: `${home} ${JSON.stringify(values)}` }
  }
  return {
    start: async () => 0,
    init: say,
    restore: say,
    upgrade: say,
    uninstall: say,
    "service.new": say,
    "service.test": say,
    "service.validate": say,
    "config.show": say,
    "config.change": say,
  }
}
