/** Follows the program's name in the arguments of the single binary: the file after it is run as Node would. */
export const RUN_FILE = "--run-file"

/**
 * Arguments for the program that runs now (`process.execPath`), with which it runs a file of JavaScript: Node itself takes
 * its flags as they are, the single binary in one argument. The file finds itself in `process.argv[1]` either way.
 * @param flags of Node and V8
 */
export function nodeArguments(flags: readonly string[], file: string): string[] {
  if (process.getBuiltinModule("node:sea").isSea()) return singleBinaryArguments(flags, file)
  return [...flags, file]
}

/** The same for the single binary, whatever runs now. */
export function singleBinaryArguments(flags: readonly string[], file: string): string[] {
  return [`--node-options=${flags.map(quoted).join(" ")}`, RUN_FILE, file]
}

/** As Node reads NODE_OPTIONS: quotes hold spaces, a backslash holds the next character. */
function quoted(flag: string): string {
  return `"${flag.replace(/[\\"]/g, "\\$&")}"`
}
