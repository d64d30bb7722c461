import { readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { isNode, LineCounter, parseDocument, type Document } from "yaml"
import { MANIFEST_BYTES_MAX } from "../../base/limits.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { checkManifest, type ManifestIssue } from "../../schema/manifest-check.ts"
import { type FileIssue, ServiceError } from "./service-error.ts"

export const MANIFEST_FILE = "service.yml"

/**
 * Reads and checks `service.yml` of a folder.
 * @throws ServiceError MANIFEST_MISSING, MANIFEST_INVALID (its detail lists every problem with line and path)
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST_FILE)
  const text = await readText(file)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const syntax = document.errors[0]
  if (syntax !== undefined) {
    throw invalid(file, [{ line: lines.linePos(syntax.pos[0]).line, path: "", message: syntax.message }])
  }
  let value: unknown
  try {
    value = document.toJS()
  } catch (error) {
    // Too many aliases: a document that grows when it is read.
    throw invalid(file, [{ line: null, path: "", message: (error as Error).message }])
  }
  const checked = checkManifest(value)
  if (checked.ok) return checked.manifest
  throw invalid(
    file,
    checked.issues.map((issue) => ({
      line: lineOf(document, lines, issue),
      path: issue.path.join("."),
      message: issue.message,
    })),
  )
}

async function readText(file: string): Promise<string> {
  let bytes: number
  try {
    bytes = (await stat(file)).size
  } catch (cause) {
    throw new ServiceError({ code: "MANIFEST_MISSING", file }, `there is no service at ${file}`, {
      cause,
      remedy: "give the folder that holds service.yml; `mesg service new` makes one",
    })
  }
  if (bytes > MANIFEST_BYTES_MAX) {
    throw invalid(file, [{ line: null, path: "", message: `takes ${bytes} bytes, at most ${MANIFEST_BYTES_MAX}` }])
  }
  return readFile(file, "utf8")
}

function invalid(file: string, issues: readonly FileIssue[]): ServiceError {
  const [first] = issues
  const where = first === undefined ? file : `${file}${first.line === null ? "" : `:${first.line}`}`
  const what = first === undefined ? "is invalid" : `${first.path === "" ? "" : `${first.path} `}${first.message}`
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ""
  return new ServiceError({ code: "MANIFEST_INVALID", file, issues }, `${where}: ${what}${more}`, {
    remedy: "correct the line; `mesg service validate` shows all problems, docs/spec/service.md explains the fields",
  })
}

/** The line of the issue's place, or of the nearest place above it that the document has. */
function lineOf(document: Document, lines: LineCounter, issue: ManifestIssue): number | null {
  for (let length = issue.path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(issue.path.slice(0, length), true)
    if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line
  }
  return null
}
