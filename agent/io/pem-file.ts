import { readFileSync, statSync } from "node:fs"
import { PEM_FILE_BYTES_MAX } from "../base/limits.ts"

/**
 * A certificate or key from a file that a setting names. A pipe or a device is refused: to read it may never end.
 * @throws Error saying why it cannot be read, or is not read
 */
export function readPemFile(file: string): Buffer {
  const stats = statSync(file)
  if (!stats.isFile()) throw new Error("it is no file")
  if (stats.size > PEM_FILE_BYTES_MAX) throw new Error(`it is larger than ${PEM_FILE_BYTES_MAX} bytes`)
  return readFileSync(file)
}
