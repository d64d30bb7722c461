import { randomBytes } from "node:crypto"
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs"
import { join } from "node:path"
import { fromHex, toHex } from "../../base/bytes.ts"
import { messageOf } from "../../base/errors.ts"
import { KeysError } from "./error.ts"
import { makeFolder, syncFolder } from "../folder.ts"

const OTHERS = 0o077

/**
 * Reads a key, or makes it where there is none: whole or not at all, and on the device before it is used.
 * @returns `length` bytes
 * @throws KeysError; a damaged or readable key is never replaced, for that would make the home another node
 */
export function keyFile(dir: string, name: string, length: number): Uint8Array {
  const path = join(dir, name)
  const found = read(path, length)
  if (found) return found
  try {
    makeFolder(dir)
    create(dir, path, randomBytes(length))
  } catch (error) {
    throw new KeysError({ code: "KEYS_NOT_WRITABLE", dir }, `no key can be made in ${dir}: ${messageOf(error)}`, {
      remedy: "let the agent's user own the home directory",
      cause: error,
    })
  }
  // What is there now counts: another process may have been first.
  return read(path, length)!
}

function read(path: string, length: number): Uint8Array | null {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode
  if (mode === undefined) return null
  if (mode & OTHERS)
    throw new KeysError({ code: "KEY_FILE_EXPOSED", file: path }, `${path} can be read by others`, {
      remedy: `if it was never copied: chmod 600 ${path}`,
    })
  const bytes = fromHex(text(path).trim())
  if (bytes?.length === length) return bytes
  throw new KeysError({ code: "KEY_FILE_DAMAGED", file: path }, `${path} is not ${length * 2} hex digits`, {
    remedy: "put the key back from where you keep it safe; removing the file makes this home a new node",
  })
}

function text(path: string): string {
  try {
    return readFileSync(path, "latin1")
  } catch (error) {
    throw new KeysError({ code: "KEY_FILE_UNREADABLE", file: path }, `${path} cannot be read: ${messageOf(error)}`, {
      remedy: "run the agent as the user that owns its home, or give that user the file",
      cause: error,
    })
  }
}

function create(dir: string, path: string, key: Uint8Array): void {
  const draft = `${path}.${process.pid}.new`
  const file = openSync(draft, "wx", 0o600)
  try {
    writeSync(file, `${toHex(key)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    // Unlike rename, link never replaces a key that came in between.
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  } finally {
    unlinkSync(draft)
  }
  syncFolder(dir)
}
