import { crc32 } from "node:zlib"
import { Decoder, Encoder } from "cbor-x"

/*
 * A value at rest: CBOR, then the CRC-32 (little-endian) of key and CBOR. LMDB has no checksum of its own, and cheap
 * cards flip bits: a record that does not match is damage, never data.
 */
const CRC_BYTES = 4

const encoder = new Encoder({ useRecords: false, tagUint8Array: false })
const decoder = new Decoder({ useRecords: false, copyBuffers: true, mapsAsObjects: true })

/** @returns the bytes to store under `key`, own memory */
export function encodeRecord(key: Uint8Array, value: unknown): Buffer {
  const cbor = encoder.encode(value)
  const record = Buffer.allocUnsafe(cbor.length + CRC_BYTES)
  record.set(cbor)
  record.writeUInt32LE(crc32(cbor, crc32(key)), cbor.length)
  return record
}

/** @returns the value and that it is what was stored; `record` may be reused after the call */
export function decodeRecord(
  key: Uint8Array,
  record: Uint8Array,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  if (!isWhole(key, record)) return { ok: false }
  // A view that is no Buffer: byte strings inside then come out as plain Uint8Array.
  const cbor = new Uint8Array(record.buffer, record.byteOffset, record.length - CRC_BYTES)
  return { ok: true, value: decoder.decode(cbor) }
}

/** @returns whether key and record are the ones that were written together */
export function isWhole(key: Uint8Array, record: Uint8Array): boolean {
  const length = record.length - CRC_BYTES
  if (length < 1) return false
  const stored = new DataView(record.buffer, record.byteOffset + length, CRC_BYTES).getUint32(0, true)
  return crc32(new Uint8Array(record.buffer, record.byteOffset, length), crc32(key)) === stored
}
