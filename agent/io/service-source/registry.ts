import * as v from "valibot"
import { fromUtf8 } from "../../base/bytes.ts"
import { PACKUMENT_BYTES_MAX } from "../../base/limits.ts"
import { parseJson } from "../../schema/json.ts"
import { notFound, partsOf } from "./download.ts"
import { invalid } from "./error.ts"
import { Integrity } from "./integrity.ts"

/** `NAME`, `NAME@1.2.0` or `NAME@TAG`, as npm writes it. */
const SPEC = /^((?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*)(?:@([^@\s/]+))?$/

export interface NpmSpec {
  readonly name: string
  /** A version or a tag. */
  readonly version: string
}

/** @returns null where the text names no package of npm */
export function npmSpec(text: string): NpmSpec | null {
  const [, name, version = "latest"] = SPEC.exec(text) ?? []
  return name === undefined || name.length > 214 ? null : { name, version }
}

/** What is read of a packument, the registry's document of one package. */
const PackumentSchema = v.object({
  "dist-tags": v.optional(v.record(v.string(), v.string()), {}),
  versions: v.record(
    v.string(),
    v.object({ dist: v.object({ tarball: v.string(), integrity: v.optional(v.string(), "") }) }),
  ),
})

/**
 * Where a registry has a package, and what its bytes are promised to be.
 * @throws SourceError PACKAGE_NOT_FOUND, PACKAGE_INVALID, PACKAGE_TOO_LARGE, DOWNLOAD_FAILED
 */
export async function lookUp(
  registry: string,
  { name, version }: NpmSpec,
  source: string,
): Promise<{ url: URL; integrity: Integrity }> {
  const url = new URL(name.replace("/", "%2f"), registry.endsWith("/") ? registry : `${registry}/`)
  const accept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"
  const parts: Uint8Array[] = []
  for await (const part of partsOf(url, { accept }, PACKUMENT_BYTES_MAX, source)) parts.push(part)
  const document = parseJson(fromUtf8(Buffer.concat(parts)) ?? "")
  const read = v.safeParse(PackumentSchema, document.ok ? document.value : null)
  if (!read.success) throw invalid(source, `${url.origin} answered with something that is no registry's`)
  const { versions, "dist-tags": tags } = read.output
  const chosen = own(versions, version) ?? own(versions, own(tags, version) ?? "")
  if (chosen === undefined) throw notFound(source, `there is neither a version nor a tag "${version}" of ${name}`)
  const integrity = Integrity.of(chosen.dist.integrity)
  if (integrity === null) throw invalid(source, "the registry promises nothing about its bytes (dist.integrity)")
  return { url: tarballUrl(chosen.dist.tarball, url, source), integrity }
}

function tarballUrl(text: string, from: URL, source: string): URL {
  const url = URL.canParse(text, from) ? new URL(text, from) : null
  if (url !== null && (url.protocol === "https:" || url.protocol === "http:")) return url
  throw invalid(source, "the registry names no address of its file")
}

function own<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
