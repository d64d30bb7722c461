import * as v from "valibot"
import { concatBytes, toHex } from "../../../base/bytes.ts"
import { decodeCanonical, encodeCanonical } from "../../../base/canonical.ts"
import { sha256 } from "../../../base/hash.ts"
import { WAL_BYTES_MAX, WAL_RECORD_BYTES_MAX } from "../../../base/network-limits.ts"
import type { DurableFile } from "../../../ports/durable-file.ts"
import { ValidatorError } from "./error.ts"

/*
 * The log of a height: records, one after the other, the first of which says of what chain and height it is.
 *
 *   length u32 | synced u32 | check, 8 bytes | record
 *
 * `synced`: how many bytes of the file were on the device when this was written. `check`: of SHA-256 over where it
 * begins, `synced` and the record. So a record that was on the device and is damaged can be told from one that never
 * reached it whole. docs/spec/consensus.md#log
 */
const VERSION = 1
const HEAD_BYTES = 16
const CHECK_BYTES = 8
const HeadSchema = v.strictTuple([v.literal(VERSION), v.instance(Uint8Array), v.pipe(v.number(), v.safeInteger())])

interface Frame {
  readonly record: Uint8Array
  readonly synced: number
  readonly end: number
}

/** Inputs of the height that is being decided, in order. Of a height that is decided nothing is kept. */
export class Wal {
  readonly #file: DurableFile
  readonly #chain: Uint8Array
  #end = 0
  #synced = 0

  constructor(file: DurableFile, chain: Uint8Array) {
    this.#file = file
    this.#chain = chain
  }

  /** Bytes that are on the device. */
  get synced(): number {
    return this.#synced
  }

  /**
   * What the log has of this height; of an earlier one it is begun anew. A torn end is cut off.
   * @throws ValidatorError WAL_DAMAGED: it is not torn but damaged, or of another chain or of a later height
   */
  open(height: number): readonly Uint8Array[] {
    const bytes = this.#file.read()
    if (bytes === null) return this.#begin(height)
    const { records, end } = readFrames(bytes)
    const [head, ...entries] = records
    // It is replaced whole, so its head cannot be torn.
    if (head === undefined) throw damaged(0, "it has no head")
    const decoded = decodeCanonical(head)
    const read = decoded.ok ? v.safeParse(HeadSchema, decoded.value) : null
    if (!read?.success) throw damaged(0, "another version of the agent wrote it")
    const [, chain, of] = read.output
    if (toHex(chain) !== toHex(this.#chain)) throw damaged(0, "it is of another chain")
    if (of > height) throw damaged(0, `it is of height ${of}, and of the blocks ${height} is the next`)
    if (of < height) return this.#begin(height)
    if (end < bytes.length) this.#file.replace(bytes.subarray(0, end))
    // What can be read need not be on the device: the agent was killed, not the machine.
    else this.#file.sync()
    this.#end = end
    this.#synced = end
    return entries
  }

  /** @returns false where the log is full: then nothing was written */
  append(record: Uint8Array): boolean {
    if (record.length > WAL_RECORD_BYTES_MAX || this.#end + HEAD_BYTES + record.length > WAL_BYTES_MAX) return false
    const frame = frameOf(record, this.#end, this.#synced)
    this.#file.append(frame)
    this.#end += frame.length
    return true
  }

  /** Returns when everything is on the device. */
  sync(): void {
    if (this.#synced === this.#end) return
    this.#file.sync()
    this.#synced = this.#end
  }

  /** The height is decided: the log of the next begins. */
  rotate(height: number): void {
    this.#begin(height)
  }

  close(): void {
    this.#file.close()
  }

  #begin(height: number): readonly Uint8Array[] {
    const head = frameOf(encodeCanonical([VERSION, this.#chain, height]), 0, 0)
    this.#file.replace(head)
    this.#end = head.length
    this.#synced = head.length
    return []
  }
}

function frameOf(record: Uint8Array, at: number, synced: number): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(8))
  numbers.setUint32(0, record.length)
  numbers.setUint32(4, synced)
  return concatBytes(new Uint8Array(numbers.buffer), checkOf(record, at, synced), record)
}

function checkOf(record: Uint8Array, at: number, synced: number): Uint8Array {
  const place = new DataView(new ArrayBuffer(8))
  place.setUint32(0, at)
  place.setUint32(4, synced)
  return sha256(new Uint8Array(place.buffer), record).subarray(0, CHECK_BYTES)
}

/** @throws ValidatorError WAL_DAMAGED */
function readFrames(bytes: Uint8Array): { readonly records: readonly Uint8Array[]; readonly end: number } {
  const records: Uint8Array[] = []
  let at = 0
  for (let frame = frameAt(bytes, at); frame !== null; frame = frameAt(bytes, at)) {
    records.push(frame.record)
    at = frame.end
  }
  // A sync lies between this place and a record further on: what stands here was whole once.
  for (let later = at + 1; later < bytes.length; later++) {
    const frame = frameAt(bytes, later)
    if (frame !== null && frame.synced > at) throw damaged(at, "a record that was on the device is not whole any more")
  }
  return { records, end: at }
}

function frameAt(bytes: Uint8Array, at: number): Frame | null {
  if (at + HEAD_BYTES > bytes.length) return null
  const head = new DataView(bytes.buffer, bytes.byteOffset + at, HEAD_BYTES)
  const [length, synced] = [head.getUint32(0), head.getUint32(4)]
  const [begin, end] = [at + HEAD_BYTES, at + HEAD_BYTES + length]
  if (length === 0 || length > WAL_RECORD_BYTES_MAX || end > bytes.length || synced > at) return null
  const record = bytes.subarray(begin, end)
  const check = checkOf(record, at, synced)
  return check.every((byte, i) => byte === bytes[at + 8 + i]) ? { record, synced, end } : null
}

/** @param at where in the log, in bytes */
export function damaged(at: number, why: string): ValidatorError {
  return new ValidatorError(
    { code: "WAL_DAMAGED", at },
    `the log of the height that is being decided cannot be believed at byte ${at}: ${why}`,
    { remedy: "what follows from it was signed: keep this key from signing, and rotate it on the ledger" },
  )
}
