import { isMap, isSeq, LineCounter, type Node, parseDocument } from "yaml"
import { APPLICATION_BYTES_MAX } from "../../base/limits.ts"
import { CliError } from "./error.ts"
import { readText } from "./values.ts"

/** A YAML or JSON file, with where each of its parts stands. */
export interface SourceFile {
  readonly file: string
  readonly value: unknown
  /** @param pointer JSON pointer @returns the line (1-based) of that part, or of the nearest one that is there */
  lineOf(pointer: string): number
}

/** A file that is no YAML or JSON: as the rule SCHEMA says it, with the line. */
export interface SyntaxRefusal {
  readonly line: number
  readonly message: string
}

/** Depth of aliases that one document may unfold to: a few lines must not become gigabytes. */
const ALIASES_MAX = 100

/**
 * Reads a document that a person wrote.
 * @throws CliError FILE_UNREADABLE
 */
export function readDocument(
  file: string,
): { ok: true; source: SourceFile } | { ok: false; refusals: SyntaxRefusal[] } {
  const text = readText(file)
  if (text.length > APPLICATION_BYTES_MAX) {
    return { ok: false, refusals: [{ line: 1, message: `is larger than ${APPLICATION_BYTES_MAX} bytes` }] }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line)
  if (document.errors.length > 0) {
    return {
      ok: false,
      refusals: document.errors.map((error) => ({ line: lineAt(error.pos[0]), message: error.message })),
    }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX })
  } catch (error) {
    throw new CliError({ code: "FILE_UNREADABLE" }, `${file}: ${(error as Error).message}`, { cause: error })
  }
  const root = document.contents
  return { ok: true, source: { file, value, lineOf: (pointer) => lineAt(offsetOf(root, stepsOf(pointer))) } }
}

function stepsOf(pointer: string): string[] {
  const steps = pointer.split("/").slice(1)
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
}

/** Where the key stands for a member of a map, where the item stands for one of a list. */
function offsetOf(root: Node | null, steps: readonly string[]): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const step of steps) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String((key as { value?: unknown }).value ?? key) === step)
      if (pair === undefined) return offset
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      offset = (node as Node | undefined)?.range?.[0] ?? offset
    } else return offset
  }
  return offset
}
