import type { Refusal, Warning } from "../../schema/application.ts"
import type { SourceFile } from "./document.ts"

/** What the rules say of an application. */
export interface Verdict {
  readonly ok: boolean
  readonly refusals: readonly Refusal[]
  readonly warnings: readonly Warning[]
}

/** Says where in the file each thing stands, in the order of its lines, with what is wrong with the text itself. */
export function placed({ refusals, warnings }: Verdict, source: SourceFile): Verdict {
  const place = <Item extends { path: string }>(item: Item) => {
    return { ...item, file: source.file, ...source.placeOf(item.path) }
  }
  const all = inOrder([...source.refusals, ...refusals.map(place)])
  return { ok: all.length === 0, refusals: all, warnings: inOrder(warnings.map(place)) }
}

function inOrder<Item extends { readonly line?: number; readonly column?: number }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}
