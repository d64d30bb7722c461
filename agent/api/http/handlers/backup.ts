import { open, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { toHex } from "../../../base/bytes.ts"
import { isMesgError, messageOf } from "../../../base/errors.ts"
import type { ApiDeps } from "../../deps.ts"
import { ApiError } from "../../errors.ts"

/** One copy at a time: each costs the disk twice. */
const running = new WeakSet<ApiDeps>()

/**
 * Writes a copy of the home to a new file on the gateway, or sends it to who asked.
 * @param file absolute, must not exist; null to send it
 * @param passphrase seals the keys; null leaves them out
 * @throws ApiError BACKUP_RUNNING, BACKUP_FAILED; KeysError PASSPHRASE_SHORT
 */
export async function writeBackup(deps: ApiDeps, file: string | null, passphrase: string | null, signal: AbortSignal) {
  if (running.has(deps)) throw new ApiError({ code: "BACKUP_RUNNING" }, "a backup is being written already")
  running.add(deps)
  try {
    return file === null ? await sendBackup(deps, passphrase, signal) : await writeFile(deps, file, passphrase, signal)
  } catch (error) {
    if (error instanceof ApiError || (isMesgError(error) && error.code === "PASSPHRASE_SHORT")) throw error
    const reason = file === null ? messageOf(error) : messageOf(error).replaceAll(draftOf(file), file)
    throw new ApiError({ code: "BACKUP_FAILED" }, `no backup was written: ${reason}`, {
      remedy: "see that the folder exists, may be written and has room",
      cause: error,
    })
  } finally {
    running.delete(deps)
  }
}

async function writeFile(deps: ApiDeps, file: string, passphrase: string | null, signal: AbortSignal) {
  const exists = await stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false
      throw error
    },
  )
  if (exists) {
    throw new ApiError({ code: "BACKUP_FAILED" }, `${file} exists already`, { remedy: "name a new file" })
  }
  const partial = draftOf(file)
  try {
    await deps.backup(partial, passphrase, signal)
    await rename(partial, file)
    return { file, bytes: (await stat(file)).size }
  } finally {
    await rm(partial, { force: true })
  }
}

/** A backup has its own name only once it is whole. */
function draftOf(file: string): string {
  return `${file}.partial`
}

async function sendBackup(deps: ApiDeps, passphrase: string | null, signal: AbortSignal): Promise<Response> {
  const file = join(deps.temporaryFolder, `backup-${toHex(deps.random.bytes(8))}`)
  let handle: Awaited<ReturnType<typeof open>>
  try {
    await deps.backup(file, passphrase, signal)
    handle = await open(file)
  } finally {
    // The open handle keeps the bytes until they are sent; whatever happens, no file stays behind.
    await rm(file, { force: true })
  }
  const { size } = await handle.stat()
  return new Response(handle.readableWebStream({ autoClose: true }) as ReadableStream<Uint8Array>, {
    headers: { "content-type": "application/octet-stream", "content-length": String(size) },
  })
}
