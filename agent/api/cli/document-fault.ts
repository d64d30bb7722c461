import type { Refusal } from "../../schema/application.ts"

/** Where something stands in a file: 1-based, columns in UTF-16 units as editors count them. */
export interface Place {
  readonly line: number
  readonly column: number
}

type Said = Pick<Refusal, "rule" | "message" | "remedy">

/** One fault of a text, before it has its file. */
export interface SyntaxFault extends Said, Place {}

/** The same at an offset of the text. */
export interface TextFault extends Said {
  readonly offset: number
}
