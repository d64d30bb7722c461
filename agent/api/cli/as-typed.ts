import type { AnyCommand } from "./command-list.ts"
import { CliError } from "./error.ts"

interface Reason {
  readonly pointer: string
  readonly message: string
}

/**
 * What the API found wrong with a request, in the words of the command line that was typed: its arguments and options
 * instead of the parts of a request that nobody saw.
 */
export function asTyped(error: CliError, { command }: AnyCommand): CliError {
  const { problem, status } = error.detail as { problem?: { errors?: unknown }; status?: number }
  if (error.code !== "INPUT_INVALID" || status === undefined || !Array.isArray(problem?.errors)) return error
  const values = [
    ...(command.arguments ?? []).map(({ name, to }) => ({ name, to })),
    ...(command.options ?? []).map(({ flags, to }) => ({ name: flags.replace(/^-\w, /, "").split(" ", 1)[0]!, to })),
  ]
  const errors = (problem.errors as Reason[]).map(({ pointer, message }) => ({ pointer: nameOf(pointer), message }))
  const message = errors.map(({ pointer, message }) => `${pointer}: ${message}`).join("; ")
  return new CliError({ code: error.code, status, problem: { ...problem, errors } }, message, {
    remedy: `see mesg ${command.name} --help`,
    cause: error,
  })

  /** `/body/config/port` is `--config port` where the command has `--config` for `body.config`. */
  function nameOf(pointer: string): string {
    const steps = pointer.split("/").slice(1)
    for (let length = steps.length; length > 0; length--) {
      const value = values.find(({ to }) => to === steps.slice(0, length).join("."))
      if (value !== undefined) return [value.name, ...steps.slice(length)].join(" ")
    }
    return steps.slice(1).join(" ") || pointer
  }
}
