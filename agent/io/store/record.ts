import { crc32 } from "node:zlib"
import { Decoder, Encoder } from "cbor-x"
import type { Json } from "../../schema/json.ts"
import { setMember } from "../../schema/plain-json.ts"

/*
 * A value at rest is the CBOR of [checksum, value] with a head of fixed length: 82 1A, the CRC-32 (big-endian) of key
 * and value, the value. So it is encoded in one go, without a copy, and the checksum is put in after. LMDB has none of
 * its own, and cheap cards flip bits: a record that does not match is damage, never data.
 */
const HEAD_BYTES = 6
const CRC_AT = 2
/** Any number that CBOR writes in 4 bytes. */
const PLACE_OF_CRC = 0xffff_ffff

const encoder = new Encoder({ useRecords: false, tagUint8Array: false })
const decoder = new Decoder({ useRecords: false, copyBuffers: true, mapsAsObjects: true })
const mapDecoder = new Decoder({ useRecords: false, copyBuffers: true, mapsAsObjects: false })

/** @returns the bytes to store under `key`, own memory */
export function encodeRecord(key: Uint8Array, value: unknown): Buffer {
  const record = encoder.encode([PLACE_OF_CRC, value])
  record.writeUInt32BE(crc32(record.subarray(HEAD_BYTES), crc32(key)), CRC_AT)
  return record
}

/** @returns the value and that it is what was stored; `record` may be reused after the call */
export function decodeRecord(
  key: Uint8Array,
  record: Uint8Array,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  if (!isWhole(key, record)) return { ok: false }
  const value = valueOf(record)
  // As a member of a plain object the decoder would give it another name.
  if (!Buffer.from(value.buffer, value.byteOffset, value.length).includes("__proto__"))
    return { ok: true, value: decoder.decode(value) }
  return { ok: true, value: objectsOf(mapDecoder.decode(value)) }
}

function objectsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(objectsOf)
  if (!(value instanceof Map)) return value
  const object: Record<string, Json> = {}
  for (const [name, member] of value) setMember(object, String(name), objectsOf(member) as Json)
  return object
}

/** @returns whether key and record are the ones that were written together */
export function isWhole(key: Uint8Array, record: Uint8Array): boolean {
  if (record.length <= HEAD_BYTES || record[0] !== 0x82 || record[1] !== 0x1a) return false
  const stored = new DataView(record.buffer, record.byteOffset, record.length).getUint32(CRC_AT)
  return crc32(valueOf(record), crc32(key)) === stored
}

/** A view that is no Buffer: byte strings inside then come out as plain Uint8Array. */
function valueOf(record: Uint8Array): Uint8Array {
  return new Uint8Array(record.buffer, record.byteOffset + HEAD_BYTES, record.length - HEAD_BYTES)
}
