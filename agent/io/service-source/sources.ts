import { randomBytes } from "node:crypto"
import { rm, stat } from "node:fs/promises"
import { isAbsolute, join } from "node:path"
import type { OpenedSource, ServiceSources } from "../../ports/service-source.ts"
import { PACKAGE_BYTES_MAX } from "../../base/limits.ts"
import { download } from "./download.ts"
import { invalid, SourceError, tooLarge } from "./error.ts"
import { Integrity } from "./integrity.ts"
import { checkNeeds } from "./needs.ts"
import { lookUp, npmSpec } from "./registry.ts"
import { makeFolder } from "../folder.ts"

export interface SourcesOptions {
  /** Where packages are unpacked, each in a folder of its own that goes when the source is closed. */
  readonly dir: string
  /** Base address of the registry that `npm:` names are looked up in. */
  readonly registry: string
}

/** Services by the names that people have for them. @see docs/spec/service.md#sources */
export function serviceSources({ dir, registry }: SourcesOptions): ServiceSources {
  return {
    async open(source) {
      if (isAbsolute(source)) return openPath(source, dir)
      const npm = source.startsWith("npm:") ? npmSpec(source.slice(4)) : null
      if (npm !== null) {
        const { url, integrity } = await lookUp(registry, npm, source)
        return openDownload(url, integrity, source, dir)
      }
      return openUrl(source, dir)
    },
  }
}

async function openPath(path: string, dir: string): Promise<OpenedSource> {
  const found = await stat(path).catch(() => null)
  if (found?.isDirectory()) return { folder: path, close: async () => {} }
  if (!found?.isFile()) {
    throw new SourceError({ code: "SOURCE_NOT_FOUND", source: path }, `there is neither a folder nor a file ${path}`, {
      remedy: "name the folder that holds service.yml, a packed service (.tgz), an address, or npm:NAME",
    })
  }
  if (found.size > PACKAGE_BYTES_MAX) throw tooLarge(path, PACKAGE_BYTES_MAX, "bytes")
  return unpacked(dir, path, async () => path)
}

/** The fragment of an address may promise what its bytes are: `https://…/thermo.tgz#sha512-…`. */
function openUrl(source: string, dir: string): Promise<OpenedSource> {
  const url = URL.canParse(source) ? new URL(source) : null
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalid(source, "it is no path, no http(s) address and no npm:NAME")
  }
  if (url.username !== "" || url.password !== "") {
    throw invalid(url.host, "an address with a password in it would be seen in logs")
  }
  const promise = decodeURIComponent(url.hash.slice(1))
  url.hash = ""
  const integrity = promise === "" ? null : Integrity.of(promise)
  if (promise !== "" && integrity === null) throw invalid(source, "what follows # is no hash like sha512-<base64>")
  return openDownload(url, integrity, url.href, dir)
}

function openDownload(url: URL, integrity: Integrity | null, source: string, dir: string): Promise<OpenedSource> {
  return unpacked(dir, source, async (own) => {
    const file = join(own, "package.tgz")
    await download(url, file, integrity, source)
    return file
  })
}

/** @param bring makes the packed file, if need be in the folder that goes with the source */
async function unpacked(dir: string, source: string, bring: (own: string) => Promise<string>): Promise<OpenedSource> {
  const own = join(dir, `${randomBytes(8).toString("hex")}.unpacked`)
  const close = () => rm(own, { recursive: true, force: true })
  try {
    const content = join(own, "content")
    makeFolder(content)
    // What reads archives is loaded by those who need it.
    const { unpack } = await import("./unpack.ts")
    const folder = await unpack(await bring(own), content, source)
    await checkNeeds(folder, source)
    return { folder, close }
  } catch (error) {
    await close()
    throw error
  }
}
