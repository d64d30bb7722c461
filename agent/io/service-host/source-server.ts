import { readFile, realpath, stat } from "node:fs/promises"
import { stripTypeScriptTypes } from "node:module"
import { sep } from "node:path"
import type { Duplex } from "node:stream"
import { messageOf } from "../../base/errors.ts"
import { SERVICE_SOURCE_BYTES_MAX } from "../../base/limits.ts"

const PATH_BYTES_MAX = 4096

/**
 * Answers a confined child's requests for the JavaScript of TypeScript files below the folders it may read.
 * Request: length of 4 bytes, path. Answer: 1 (JavaScript) or 0 (why not), length of 4 bytes, text.
 * A child that does not keep to this gets its stream closed.
 */
export function serveSources(stream: Duplex, folders: readonly string[]): void {
  let held = Buffer.alloc(0)
  let turn = Promise.resolve()
  stream.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4) {
      const length = held.readUInt32BE(0)
      if (length > PATH_BYTES_MAX) return stream.destroy()
      if (held.length < 4 + length) return
      const path = held.toString("utf8", 4, 4 + length)
      held = held.subarray(4 + length)
      turn = turn.then(async () => {
        const answer = await sourceOf(path, folders).then(
          (text) => ({ ok: 1, text }),
          (error: unknown) => ({ ok: 0, text: messageOf(error) }),
        )
        const body = Buffer.from(answer.text)
        const head = Buffer.alloc(5)
        head.writeUInt8(answer.ok)
        head.writeUInt32BE(body.length, 1)
        if (!stream.destroyed) stream.write(Buffer.concat([head, body]))
      })
    }
  })
  // The child's end is told by its process.
  stream.on("error", () => stream.destroy())
}

async function sourceOf(path: string, folders: readonly string[]): Promise<string> {
  const file = await realpath(path)
  if (!file.endsWith(".ts") || !folders.some((folder) => file.startsWith(folder + sep))) {
    throw new Error(`${path} is not the service's own code`)
  }
  const { size } = await stat(file)
  if (size > SERVICE_SOURCE_BYTES_MAX) throw new Error(`${path} takes more than ${SERVICE_SOURCE_BYTES_MAX} bytes`)
  return stripTypeScriptTypes(await readFile(file, "utf8"), { mode: "strip" })
}
