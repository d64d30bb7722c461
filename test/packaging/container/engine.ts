/** Something that builds the image of a recipe, and runs it. */
export interface Engine {
  /** @throws NotHere where this machine cannot run a container so */
  prepare(): Promise<void>
  /** @param context the folder that is copied from */
  build(context: string): void
  /** @returns the paths of all files of the image */
  files(): string[]
  /** The words that say whether it is well. */
  check(): string[]
  /** Starts it: read-only but for `data`, its volume. */
  start(data: string, env: Readonly<Record<string, string>>): void
  /** What it has said. */
  log(): string
  /** Of its first process, as this machine numbers it. */
  pid(): number
  /** Runs a program of the image inside. @throws Error with its `status` where it ends with another one than 0 */
  exec(words: readonly string[]): string
  /** Asks it to end. @returns how it did */
  stop(): Promise<number>
  /** Ends whatever runs still. */
  end(): void
}
