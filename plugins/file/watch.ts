import { createHash } from "node:crypto"
import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import type { ServiceStore } from "../../agent/sdk.ts"

/** Files of one watched folder that are looked at; more are not, and the log says so. */
export const FILES_MAX = 10_000
/** What is known is kept in parts, each below the 64 KiB that the agent keeps under one key. */
const SHARDS = 64

export interface Seen {
  readonly bytes: number
  readonly modifiedMs: number
}
export interface Change {
  readonly kind: "added" | "changed" | "removed"
  readonly path: string
  readonly seen: Seen | null
}

/** @returns path -> size and time of the files below a folder; links are not followed */
export async function look(folder: string): Promise<{ files: Map<string, Seen>; cut: boolean }> {
  const files = new Map<string, Seen>()
  const pending = [""]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of await entriesOf(join(folder, at))) {
      const path = at === "" ? entry.name : `${at}/${entry.name}`
      if (entry.isDirectory()) pending.push(path)
      if (!entry.isFile() || isOurs(entry.name)) continue
      if (files.size >= FILES_MAX) return { files, cut: true }
      const seen = await seenOf(join(folder, path))
      if (seen !== null) files.set(path, seen)
    }
  }
  return { files, cut: false }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    // It has just been removed, or is not there yet: then it holds no files.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return []
    throw error
  }
}

async function seenOf(file: string): Promise<Seen | null> {
  try {
    const { size, mtimeMs } = await lstat(file)
    return { bytes: size, modifiedMs: Math.floor(mtimeMs) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
    throw error
  }
}

/** Half-written files of the task `write`. */
export const TEMPORARY = ".mesg-writing-"
const isOurs = (name: string) => name.startsWith(TEMPORARY)

const same = (a: Seen | undefined, b: Seen | undefined) => a?.bytes === b?.bytes && a?.modifiedMs === b?.modifiedMs

/** What has changed against what was reported, as far as it has been the same in two looks. */
export function changesOf(
  reported: ReadonlyMap<string, Seen>,
  before: ReadonlyMap<string, Seen>,
  now: ReadonlyMap<string, Seen>,
): readonly Change[] {
  const changes: Change[] = []
  for (const [path, seen] of now) {
    const known = reported.get(path)
    if (same(known, seen) || !same(before.get(path), seen)) continue
    changes.push({ kind: known === undefined ? "added" : "changed", path, seen })
  }
  for (const path of reported.keys()) {
    if (!now.has(path) && !before.has(path)) changes.push({ kind: "removed", path, seen: null })
  }
  return changes
}

/** What was reported, kept over restarts: a change while the gateway was off is reported at the next start. */
export class Reported {
  readonly files = new Map<string, Seen>()
  readonly #store: ServiceStore
  readonly #key: string
  #first = true

  constructor(store: ServiceStore, watched: string) {
    this.#store = store
    this.#key = `seen/${createHash("sha256").update(watched).digest("hex").slice(0, 16)}`
  }

  /** @returns whether the folder is watched for the first time: then what lies there is no news */
  async load(): Promise<boolean> {
    this.#first = (await this.#store.get(this.#key)) === undefined
    for (let shard = 0; shard < SHARDS && !this.#first; shard++) {
      const kept = (await this.#store.get(`${this.#key}/${shard}`)) as Record<string, [number, number]> | undefined
      for (const [path, [bytes, modifiedMs]] of Object.entries(kept ?? {})) this.files.set(path, { bytes, modifiedMs })
    }
    return this.#first
  }

  async save(paths: Iterable<string>): Promise<void> {
    const shards = new Set(Array.from(paths, shardOf))
    const content = new Map<number, Record<string, [number, number]>>(Array.from(shards, (shard) => [shard, {}]))
    for (const [path, { bytes, modifiedMs }] of this.files) {
      const shard = content.get(shardOf(path))
      if (shard !== undefined) shard[path] = [bytes, modifiedMs]
    }
    for (const [shard, files] of content) await this.#store.set(`${this.#key}/${shard}`, files)
    if (this.#first) await this.#store.set(this.#key, true)
    this.#first = false
  }
}

function shardOf(path: string): number {
  return createHash("sha256").update(path).digest().readUInt8(0) % SHARDS
}
