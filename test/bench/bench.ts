import type { Figure } from "./figure.ts"

/** What a benchmark is given. */
export interface Bench {
  /** A folder of its own on the disk, removed at the end. */
  readonly folder: string
  /** Prints a figure as soon as it is known. */
  report(figure: Figure): void
  /** Says why something was left out: a peer that is not installed, a right that is missing. */
  note(text: string): void
  /** Runs at the end, also after a failure; the last one first. */
  after(end: () => unknown): void
}
