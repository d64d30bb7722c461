import { createHash, randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { lstat, open, rename, rm, unlink } from "node:fs/promises"
import { join } from "node:path"
import { defineService, type Json, parseJson, pause, type ServiceContext, TaskError } from "../../agent/sdk.ts"
import { below, isLink, isMissing, type Place, Refused } from "./below.ts"
import { type Change, changesOf, FILES_MAX, look, Reported, type Seen, TEMPORARY } from "./watch.ts"

interface Config {
  readonly roots: Readonly<Record<string, string>>
  readonly watch: readonly string[]
  readonly intervalMs: number
}
interface Target {
  readonly root: string
  readonly path: string
}
interface Content extends Target {
  readonly content?: Json
  readonly base64?: string
}

const READ_BYTES_MAX = 128 * 1024
const RETRY_MS = [500, 1000, 2000, 5000, 10_000, 30_000]

function rootOf(config: Config, root: string): string {
  const folder = Object.hasOwn(config.roots, root) ? config.roots[root] : undefined
  if (folder === undefined) throw new Refused(`no root is called ${root}; \`mesg service configure file\` adds one`)
  return folder
}

function bytesOf({ content, base64 }: Content): Uint8Array {
  if (base64 !== undefined) return Buffer.from(base64, "base64")
  return Buffer.from(typeof content === "string" ? content : JSON.stringify(content))
}

/** Turns what is expected to go wrong into a status. */
async function answering(work: () => Promise<{ status: string; data: Record<string, unknown> }>) {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refused) return { status: "refused", data: { reason: error.message } }
    if (isLink(error)) return { status: "refused", data: { reason: "it is a link" } }
    const { code, message } = error as NodeJS.ErrnoException
    // What reads or removes has answered this itself; what writes makes every folder but the root.
    if (isMissing(error)) return { status: "refused", data: { reason: "the root's folder does not exist" } }
    if (["EACCES", "EPERM", "EISDIR", "ENAMETOOLONG", "ENXIO"].includes(code ?? "")) {
      return { status: "refused", data: { reason: message.replace(/\/proc\/self\/fd\/\d+\//, "") } }
    }
    throw error
  }
}

async function readFileAt(place: Place): Promise<Buffer> {
  // Not blocking: a pipe without a writer would be waited for.
  const file = await open(place.at(place.name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const info = await file.stat()
    if (!info.isFile()) throw new Refused("it is no file")
    if (info.size > READ_BYTES_MAX) throw new Refused(`it takes ${info.size} bytes, at most ${READ_BYTES_MAX} are read`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

function contentOf(bytes: Buffer, as: "text" | "json" | "base64"): Json {
  if (as === "base64") return bytes.toString("base64")
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw new Refused(`it is no ${as === "text" ? "UTF-8 text" : "JSON"}`)
  }
  if (as === "text") return text
  const parsed = parseJson(text)
  if (parsed.ok) return parsed.value
  throw new Refused(parsed.why === "syntax" ? "it is no JSON" : `of its JSON ${parsed.message}`)
}

/** What is there and no file stays: neither a device nor a link is replaced. @throws Refused */
async function refuseOther(place: Place): Promise<void> {
  const info = await lstat(place.at(place.name)).catch((error: unknown) => {
    if (isMissing(error)) return null
    throw error
  })
  if (info?.isSymbolicLink()) throw new Refused("it is a link")
  if (info !== null && !info.isFile()) throw new Refused("it is no file")
}

/** Beside it first, synced, then in its place: a power cut leaves the old file or the new one. */
async function writeWhole(place: Place, bytes: Uint8Array): Promise<void> {
  await refuseOther(place)
  const beside = place.at(`${TEMPORARY}${randomBytes(6).toString("hex")}`)
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(beside, flags, 0o644)
  try {
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, place.at(place.name))
    await place.folder.sync()
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

async function appendTo(place: Place, bytes: Uint8Array): Promise<void> {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(place.at(place.name), flags, 0o644)
  try {
    if (!(await file.stat()).isFile()) throw new Refused("it is no file")
    await file.writeFile(bytes).catch((cause: unknown) => {
      throw new TaskError("FILE_APPEND_FAILED", String(cause), { outcome: "unknown", cause })
    })
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Looks again and again; what was the same twice is reported, remembered, and reported no more. */
async function watch(ctx: ServiceContext<Config>, watched: string): Promise<void> {
  const [root = "", ...rest] = watched.split("/")
  const folder = join(rootOf(ctx.config, root), ...rest)
  const reported = new Reported(ctx.store, watched)
  const isFirst = await reported.load()
  const { files, cut } = await look(folder)
  let before = files
  if (isFirst) {
    for (const [path, seen] of before) reported.files.set(path, seen)
    await reported.save(before.keys())
  }
  if (cut) ctx.log.warn("a watched folder holds too many files, some are not seen", { watched, most: FILES_MAX })
  while (!ctx.signal.aborted) {
    await pause(ctx.config.intervalMs, ctx.signal)
    if (ctx.signal.aborted) return
    const { files: now } = await look(folder)
    const changes = changesOf(reported.files, before, now)
    before = now
    for (const change of changes) await tell(ctx, { root, below: rest.join("/") }, change)
    if (ctx.signal.aborted || changes.length === 0) continue
    for (const { path, seen } of changes) {
      if (seen === null) reported.files.delete(path)
      else reported.files.set(path, seen)
    }
    await reported.save(changes.map((change) => change.path))
  }
}

async function tell(ctx: ServiceContext<Config>, at: { root: string; below: string }, change: Change): Promise<void> {
  const path = at.below === "" ? change.path : `${at.below}/${change.path}`
  const { kind, seen } = change
  const data = seen === null ? { root: at.root, path } : { root: at.root, path, ...shown(seen) }
  const stamp = seen === null ? {} : { id: idOf(kind, at.root, path, seen) }
  for (let attempt = 0; !ctx.signal.aborted; attempt++) {
    try {
      return await ctx.emit(kind, data, stamp)
    } catch (error) {
      if (ctx.signal.aborted) return
      const waitMs = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0
      ctx.log.warn("the agent takes no event now", { path, reason: String(error), waitMs })
      await pause(waitMs, ctx.signal)
    }
  }
}

const shown = ({ bytes, modifiedMs }: Seen) => ({ bytes, modified: new Date(modifiedMs).toISOString() })

/** The same state of a file has the same id, so that a repeat after a crash is recognised. */
function idOf(kind: string, root: string, path: string, { bytes, modifiedMs }: Seen): string {
  const name = createHash("sha256").update(`${root}/${path}`).digest("hex").slice(0, 32)
  return `${kind}.${name}.${modifiedMs}.${bytes}`
}

export default defineService<Config>({
  start(ctx) {
    for (const watched of ctx.config.watch) rootOf(ctx.config, watched.split("/")[0] ?? "")
    for (const watched of ctx.config.watch) {
      watch(ctx, watched).catch((error: unknown) => {
        if (!ctx.signal.aborted) throw error
      })
    }
  },

  tasks: {
    read: ({ root, path, as = "text" }: Target & { as?: "text" | "json" | "base64" }, ctx) =>
      answering(async () => {
        try {
          const bytes = await below(rootOf(ctx.config, root), path, false, readFileAt)
          return { status: "read", data: { content: contentOf(bytes, as), bytes: bytes.length } }
        } catch (error) {
          if (isMissing(error)) return { status: "missing", data: {} }
          throw error
        }
      }),
    write: (inputs: Content, ctx) =>
      answering(async () => {
        const bytes = bytesOf(inputs)
        await below(rootOf(ctx.config, inputs.root), inputs.path, true, (place) => writeWhole(place, bytes))
        return { status: "written", data: { bytes: bytes.length } }
      }),
    append: (inputs: Content, ctx) =>
      answering(async () => {
        const bytes = bytesOf(inputs)
        await below(rootOf(ctx.config, inputs.root), inputs.path, true, (place) => appendTo(place, bytes))
        return { status: "appended", data: { bytes: bytes.length } }
      }),
    remove: ({ root, path }: Target, ctx) =>
      answering(async () => {
        try {
          await below(rootOf(ctx.config, root), path, false, async (place) => {
            await unlink(place.at(place.name))
            await place.folder.sync()
          })
          return { status: "removed", data: {} }
        } catch (error) {
          if (isMissing(error)) return { status: "missing", data: {} }
          throw error
        }
      }),
  },
})
