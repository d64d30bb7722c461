import { fromUtf8 } from "../../base/bytes.ts"
import { PACKAGE_TAR_RECORD_BYTES_MAX } from "../../base/limits.ts"

/*
 * Tar as `npm pack` and others write it: POSIX ustar, with the long names of pax and of GNU. Only files and folders;
 * links and devices have no business in a service.
 */

export interface TarEntry {
  /** As it stands in the archive: not to be trusted. */
  readonly path: string
  readonly kind: "file" | "folder"
  readonly executable: boolean
  readonly bytes: number
  /** The content of a file, which must be read before the next entry is asked for; what is left is passed over. */
  readonly content: AsyncIterable<Uint8Array>
}

/** Why the bytes are no archive of ours; the message says what and where. */
export class TarTrouble extends Error {}

const BLOCK = 512

/** @throws TarTrouble */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new Reader(archive)
  let long: { path?: string; bytes?: number } = {}
  for (;;) {
    const header = await reader.block()
    if (header === null || header.every((byte) => byte === 0)) break
    checkSum(header)
    const type = String.fromCharCode(header[156]!)
    const bytes = long.bytes ?? sizeOf(header)
    if (type === "x" || type === "g" || type === "L") {
      const record = await reader.bytes(recordSize(sizeOf(header)))
      if (type === "L") long = { ...long, path: textOf(record) }
      else if (type === "x") long = { ...long, ...paxOf(record) }
      continue
    }
    const path = long.path ?? pathOf(header)
    long = {}
    const kind = KINDS[type]
    if (kind === undefined) throw new TarTrouble(`${path} is neither a file nor a folder`)
    const size = kind === "file" ? bytes : 0
    const content = reader.content(size)
    yield { path, kind, executable: (octalOf(header.subarray(100, 108)) & 0o100) !== 0, bytes: size, content }
    await reader.skip()
  }
}

const KINDS: Readonly<Record<string, TarEntry["kind"]>> = { "0": "file", "\0": "file", "7": "file", "5": "folder" }

/** Gives the stream out in pieces of the size that is asked for. */
class Reader {
  readonly #parts: AsyncIterator<Uint8Array>
  #part: Uint8Array = new Uint8Array(0)
  #left = 0
  #padding = 0

  constructor(archive: AsyncIterable<Uint8Array>) {
    this.#parts = archive[Symbol.asyncIterator]()
  }

  /** @returns null at the end */
  async block(): Promise<Uint8Array | null> {
    if (this.#part.length === 0 && !(await this.#more())) return null
    return this.#exactly(BLOCK)
  }

  async bytes(count: number): Promise<Uint8Array> {
    const bytes = await this.#exactly(count)
    await this.#exactly(paddingOf(count))
    return bytes
  }

  content(count: number): AsyncIterable<Uint8Array> {
    this.#left = count
    this.#padding = paddingOf(count)
    return this.#content()
  }

  async *#content(): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      if (this.#part.length === 0 && !(await this.#more())) throw new TarTrouble("it ends in the middle of a file")
      yield this.#take(this.#left)
    }
  }

  /** To the next header: what nobody read of the content, and its padding. */
  async skip(): Promise<void> {
    this.#left += this.#padding
    this.#padding = 0
    for await (const _ of this.#content());
  }

  async #exactly(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count; ) {
      if (this.#part.length === 0 && !(await this.#more())) throw new TarTrouble("it ends in the middle of a header")
      const part = this.#take(count - at)
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }

  #take(most: number): Uint8Array {
    const part = this.#part.subarray(0, most)
    this.#part = this.#part.subarray(part.length)
    this.#left = Math.max(0, this.#left - part.length)
    return part
  }

  async #more(): Promise<boolean> {
    do {
      const next = await this.#parts.next()
      if (next.done === true) return false
      this.#part = next.value
    } while (this.#part.length === 0)
    return true
  }
}

function paddingOf(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK
}

function checkSum(header: Uint8Array): void {
  const told = octalOf(header.subarray(148, 156))
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  if (sum !== told) throw new TarTrouble("a header does not match its checksum")
}

function pathOf(header: Uint8Array): string {
  const isPosix = textOf(header.subarray(257, 263)) === "ustar"
  const prefix = isPosix ? textOf(header.subarray(345, 500)) : ""
  const name = textOf(header.subarray(0, 100))
  return prefix === "" ? name : `${prefix}/${name}`
}

function sizeOf(header: Uint8Array): number {
  return octalOf(header.subarray(124, 136))
}

/** Sizes of more than 8 GiB are written in another way; nothing here is that large. */
function octalOf(field: Uint8Array): number {
  const text = textOf(field).trim()
  if (text === "") return 0
  if (!/^[0-7]{1,11}$/.test(text)) throw new TarTrouble("a header holds a number that is none")
  return Number.parseInt(text, 8)
}

function textOf(field: Uint8Array): string {
  const end = field.indexOf(0)
  const text = fromUtf8(end < 0 ? field : field.subarray(0, end))
  if (text === null) throw new TarTrouble("a name is no UTF-8")
  return text
}

function recordSize(bytes: number): number {
  if (bytes <= PACKAGE_TAR_RECORD_BYTES_MAX) return bytes
  throw new TarTrouble(`a name takes more than ${PACKAGE_TAR_RECORD_BYTES_MAX} bytes`)
}

/** Lines `<length> <key>=<value>\n`; the length counts the whole line in bytes. */
function paxOf(record: Uint8Array): { path?: string; bytes?: number } {
  const found: { path?: string; bytes?: number } = {}
  for (let at = 0; at < record.length; ) {
    const space = record.indexOf(0x20, at)
    const length = Number(fromUtf8(record.subarray(at, space)))
    const line = space < 0 || !(length > 0) ? null : fromUtf8(record.subarray(space + 1, at + length))
    const [, key, value] = /^([^=]+)=([^\0]*)\n$/.exec(line ?? "") ?? []
    if (key === undefined || value === undefined) throw new TarTrouble("a record of long names cannot be read")
    if (key === "path") found.path = value
    if (key === "size") found.bytes = wholeNumber(value)
    at += length
  }
  return found
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new TarTrouble("a header holds a number that is none")
  return Number(text)
}
