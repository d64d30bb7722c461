import type { Command } from "../operations/operation.ts"
import { OPERATIONS, type TypedOperation } from "../operations/table.ts"
import { LOCAL_COMMANDS, type LocalCommand } from "./local.ts"

export type AnyCommand =
  | { readonly kind: "agent"; readonly operation: TypedOperation; readonly command: Command }
  | { readonly kind: "local"; readonly command: LocalCommand }

/** Every command of the CLI: those of the table of operations, and those that need no agent. */
export const COMMANDS: readonly AnyCommand[] = [
  ...LOCAL_COMMANDS.map((command): AnyCommand => ({ kind: "local", command })),
  ...OPERATIONS.flatMap((operation) => {
    return operation.commands.map((command): AnyCommand => ({ kind: "agent", operation, command }))
  }),
]

/** Nouns in the order of the help, with what they are about. */
export const NOUNS: Readonly<Record<string, string>> = {
  service: "Services: what emits events and executes tasks",
  event: "Events",
  app: "Applications: workflows of tasks",
  execution: "Executions of workflows",
  network: "The chain, and the other Cores",
  account: "Accounts of the chain",
  stake: "Stake: who decides on the chain",
  market: "Services of the market",
  token: "Tokens of people, programs, services and devices",
  config: "Configuration",
}

/** @returns the arguments of a command as its usage names them: `FILE`, `[FILE]`, `KEY VALUE...` */
export function argumentWords(command: Command): string[] {
  return (command.arguments ?? []).map(({ name, optional, variadic }) => {
    const all = variadic ? `${name}...` : name
    return optional ? `[${all}]` : all
  })
}

export function summaryOf(entry: AnyCommand): string {
  return entry.command.summary ?? (entry.kind === "agent" ? entry.operation.summary : "")
}
