import { open } from "node:fs/promises"
import { messageOf } from "../../base/errors.ts"
import { PACKAGE_BYTES_MAX, PACKAGE_DOWNLOAD_MS_MAX, PACKAGE_REDIRECTS_MAX } from "../../base/limits.ts"
import { SourceError, tooLarge } from "./error.ts"
import type { Integrity } from "./integrity.ts"

/** Writes what an address gives to a new file. @throws SourceError DOWNLOAD_FAILED, PACKAGE_TOO_LARGE, PACKAGE_ALTERED */
export async function download(url: URL, file: string, integrity: Integrity | null, source: string): Promise<void> {
  const target = await open(file, "wx", 0o600)
  try {
    for await (const part of partsOf(url, { accept: "application/octet-stream, */*" }, PACKAGE_BYTES_MAX, source)) {
      integrity?.update(part)
      await target.writeFile(part)
    }
  } finally {
    await target.close()
  }
  integrity?.check(source)
}

/**
 * The body at an address, piece by piece, within bounds of size, time and redirects.
 * @throws SourceError DOWNLOAD_FAILED with what the other side said; PACKAGE_TOO_LARGE
 */
export async function* partsOf(
  url: URL,
  headers: Readonly<Record<string, string>>,
  bytesMax: number,
  source: string,
): AsyncGenerator<Uint8Array> {
  const signal = AbortSignal.timeout(PACKAGE_DOWNLOAD_MS_MAX)
  let bytes = 0
  try {
    const response = await follow(url, headers, signal, source)
    for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += part.length
      if (bytes > bytesMax) throw tooLarge(source, bytesMax, "bytes")
      yield part
    }
  } catch (error) {
    if (error instanceof SourceError) throw error
    const reason = signal.aborted
      ? `not within ${PACKAGE_DOWNLOAD_MS_MAX / 1000} s`
      : messageOf((error as Error).cause ?? error)
    throw failed(source, reason, error)
  }
}

/** Redirects are followed here, a few of them, and never from https to http. */
async function follow(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  source: string,
): Promise<Response> {
  let at = url
  for (let hops = 0; hops <= PACKAGE_REDIRECTS_MAX; hops++) {
    const response = await fetch(at, { headers, signal, redirect: "manual" })
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null
    if (location === null) return accepted(response, source)
    await response.body?.cancel()
    const next = new URL(location, at)
    if (next.protocol !== "https:" && next.protocol !== at.protocol)
      throw failed(source, `it leads to ${next.protocol}`)
    at = next
  }
  throw failed(source, `it leads further more than ${PACKAGE_REDIRECTS_MAX} times`)
}

async function accepted(response: Response, source: string): Promise<Response> {
  if (response.ok) return response
  await response.body?.cancel()
  if (response.status !== 404) throw failed(source, `the server answered ${response.status}`)
  throw notFound(source, "the server has nothing of this name")
}

export function notFound(source: string, what: string): SourceError {
  return new SourceError({ code: "PACKAGE_NOT_FOUND", source }, `${source} is not there: ${what}`, {
    remedy: "look at the name and the version; a folder of this machine is named by its path: ./NAME",
  })
}

function failed(source: string, reason: string, cause?: unknown): SourceError {
  return new SourceError({ code: "DOWNLOAD_FAILED", source }, `${source} could not be downloaded: ${reason}`, {
    remedy: "try again later, or pack the service elsewhere with `npm pack` and add the file",
    cause,
  })
}
