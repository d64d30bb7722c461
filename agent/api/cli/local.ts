import type { Command } from "../operations/operation.ts"

/** A command that needs no running agent; main says how it is done. */
export interface LocalCommand extends Command {
  readonly id: LocalCommandId
  readonly summary: string
}

export type LocalCommandId =
  | "start"
  | "init"
  | "restore"
  | "upgrade"
  | "uninstall"
  | "service.new"
  | "service.test"
  | "service.validate"
  | "completion"
  | "man"

export const LOCAL_COMMANDS: readonly LocalCommand[] = [
  {
    id: "start",
    name: "start",
    summary: "Start the agent and stay until it is stopped",
    options: [
      { flags: "--set <key=value>", to: "sets", kind: "texts", summary: "a setting, such as mqtt.port=0" },
      {
        flags: "--node-red [path]",
        to: "nodeRed",
        kind: "path",
        summary: "run the Node-RED that is installed beside the agent, or there",
      },
      { flags: "--safe", to: "safe", kind: "flag", summary: "run no services and no applications" },
    ],
    example: "mesg start --set mqtt.port=1884",
  },
  {
    id: "init",
    name: "init",
    summary: "Make a home: folders, keys, config.yml",
  },
  {
    id: "restore",
    name: "restore",
    summary: "Make a home of a backup",
    arguments: [{ name: "FILE", to: "file", kind: "path", summary: "a file of `mesg backup`" }],
    options: [
      { flags: "--dry-run", to: "dryRun", kind: "flag", summary: "only check it and say what is in it" },
      { flags: "--force", to: "force", kind: "flag", summary: "into a home that is used, which is kept beside it" },
      {
        flags: "--passphrase-file <file>",
        to: "passphraseFile",
        kind: "path",
        summary: "opens the keys; also MESG_BACKUP_PASSPHRASE",
      },
      { flags: "--without-keys", to: "withoutKeys", kind: "flag", summary: "a new node; secrets must be set again" },
    ],
    example: "mesg restore gateway.mesg --home /var/lib/mesg",
  },
  {
    id: "upgrade",
    name: "upgrade",
    summary: "Install the newest release; where it does not run well, what ran before runs again",
    options: [
      { flags: "--from <path>", to: "from", kind: "path", summary: "a folder with a release, without a network" },
      { flags: "--allow-older", to: "allowOlder", kind: "flag", summary: "also where it is older than what runs" },
      { flags: "--dry-run", to: "dryRun", kind: "flag", summary: "check everything and say what would be done" },
    ],
    example: "mesg upgrade --from /media/usb/mesg",
  },
  {
    id: "uninstall",
    name: "uninstall",
    summary: "Remove the agent from this machine; its data stays",
    options: [
      { flags: "--purge", to: "purge", kind: "flag", summary: "remove its data too" },
      { flags: "--dry-run", to: "dryRun", kind: "flag", summary: "say what would be removed" },
    ],
  },
  {
    id: "service.new",
    name: "service new",
    summary: "Write a new service to begin with",
    arguments: [{ name: "DIR", to: "folder", kind: "path", summary: "folder to make" }],
    options: [
      { flags: "--id <id>", to: "id", summary: "id of the service; the folder's name by default" },
      {
        flags: "--language <language>",
        to: "language",
        choices: ["ts", "js", "python", "shell"],
        summary: "what it is written in; ts by default",
      },
    ],
  },
  {
    id: "service.test",
    name: "service test",
    summary: "Run the examples of a service's manifest against its code",
    arguments: [{ name: "DIR", to: "folder", kind: "path", summary: "folder with service.yml" }],
  },
  {
    id: "service.validate",
    name: "service validate",
    summary: "Check a service's manifest",
    arguments: [{ name: "DIR", to: "folder", kind: "path", summary: "folder with service.yml" }],
  },
  {
    id: "completion",
    name: "completion",
    summary: "Print the completion of a shell",
    arguments: [{ name: "SHELL", to: "shell", choices: ["bash", "zsh", "fish"], summary: "bash, zsh or fish" }],
    example: "source <(mesg completion bash)",
  },
  { id: "man", name: "man", summary: "Print the manual page, for man -l -" },
]

/** What a local command was given. */
export interface LocalCall {
  readonly home: string
  /** By the `to` of the command's arguments and options. */
  readonly values: Readonly<Record<string, unknown>>
  readonly json: boolean
  out(text: string): void
  err(text: string): void
  /** Of `--passphrase-file`, the environment or the person; null where nobody gives one. */
  passphrase(question: string): Promise<string | null>
}

/** How a local command ended. Failures may also be thrown as MesgErrors. */
export interface LocalResult {
  readonly exitCode: number
  /** The one value of --json; undefined where the command wrote by itself. */
  readonly output?: unknown
  /** What a person reads instead. */
  readonly text?: string
}

/** What main does for the commands that need no running agent. */
export interface LocalActions {
  /** Starts the agent; resolves with the exit code once it has stopped. */
  start(options: { readonly home: string; readonly sets: readonly string[]; readonly safe: boolean }): Promise<number>
  init(call: LocalCall): Promise<LocalResult>
  restore(call: LocalCall): Promise<LocalResult>
  upgrade(call: LocalCall): Promise<LocalResult>
  uninstall(call: LocalCall): Promise<LocalResult>
  "service.new"(call: LocalCall): Promise<LocalResult>
  "service.test"(call: LocalCall): Promise<LocalResult>
  "service.validate"(call: LocalCall): Promise<LocalResult>
  /** Without an agent: the configuration as it would be. */
  readonly "config.show"?: (call: LocalCall) => Promise<LocalResult>
  readonly "config.change"?: (call: LocalCall) => Promise<LocalResult>
}
