import type { Raw } from "../../flow/raw.ts"

/** What is wrong with an application, in the words of the CLI. */
export interface Said {
  /** JSON pointer, or line and column; empty: the whole. */
  readonly where: string
  readonly code: string
  readonly message: string
  readonly remedy: string
}

export type Imported =
  | { readonly ok: true; readonly nodes: readonly Raw[] }
  | { readonly ok: false; readonly refusals: readonly Said[] }

/** An application of the flows, as a file. */
export interface Exported {
  /** Id of the `mesg-agent` node that it is for; empty: the agent of this machine. */
  readonly agent: string
  readonly name: string
  /** YAML. */
  readonly text: string
  /** What keeps it from being deployed as it is drawn. */
  readonly refusals: readonly Said[]
}
