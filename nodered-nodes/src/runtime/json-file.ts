import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** One JSON value in a file of Node-RED's user folder; without a folder it is forgotten at the end. */
export class JsonFile<Value> {
  readonly #path: string | null

  constructor(folder: string | undefined, name: string) {
    this.#path = folder === undefined ? null : join(folder, name)
  }

  /** @returns null where there is none, or one that a crash or a hand has broken: it is then told, and made anew */
  read(broken: (problem: Error) => void): Value | null {
    if (this.#path === null) return null
    try {
      return JSON.parse(readFileSync(this.#path, "utf8")) as Value
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") broken(error as Error)
      return null
    }
  }

  /** Whole or not at all. @throws where the folder cannot be written */
  write(value: Value): void {
    if (this.#path === null) return
    const partial = `${this.#path}.partial`
    writeFileSync(partial, JSON.stringify(value), { mode: 0o600, flush: true })
    renameSync(partial, this.#path)
  }
}
