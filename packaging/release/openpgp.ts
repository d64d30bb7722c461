import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto"

/*
 * As much of OpenPGP (RFC 4880, version 4; EdDSA of RFC 9580 section 5.5.5.5) as apt needs to know a signature: so that the
 * one key that a release is signed with is also the key of its apt repository.
 */
const ED25519_OID = Buffer.from("2b06010401da470f01", "hex")
const EDDSA = 22
const SHA512 = 10
const PACKET = { signature: 2, publicKey: 6, userId: 13 } as const
const TEXT_SIGNATURE = 0x01
const CERTIFICATION = 0x13
const SUBPACKET = { created: 2, issuer: 16, keyFlags: 27, issuerFingerprint: 33 } as const
const MAY_CERTIFY_AND_SIGN = 3

/** An Ed25519 key as OpenPGP knows it. */
export interface PgpKey {
  readonly key: KeyObject
  /** Seconds since epoch; a part of the key's fingerprint. */
  readonly createdS: number
  readonly owner: string
}

/** @returns the public half, for `signed-by` of a client of apt */
export function publicBlock(pgp: PgpKey): string {
  const owner = Buffer.from(pgp.owner)
  const ofKey = Buffer.concat([fingerprinted(pgp), Buffer.of(0xb4), uint32(owner.length), owner])
  const flags = subpacket(SUBPACKET.keyFlags, Buffer.of(MAY_CERTIFY_AND_SIGN))
  const certification = signature(pgp, CERTIFICATION, pgp.createdS, ofKey, flags)
  const packets = [packet(PACKET.publicKey, keyBody(pgp)), packet(PACKET.userId, owner), certification]
  return armored("PUBLIC KEY BLOCK", Buffer.concat(packets))
}

/** @param text lines that end neither in a space nor begin with a dash @returns the text, signed within */
export function clearSigned(pgp: PgpKey, text: string, atS: number): string {
  const body = text.replace(/\n$/, "")
  const signed = signature(pgp, TEXT_SIGNATURE, atS, Buffer.from(body.replaceAll("\n", "\r\n")))
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${body}\n${armored("SIGNATURE", signed)}`
}

function signature(pgp: PgpKey, type: number, atS: number, content: Buffer, more: Buffer = Buffer.alloc(0)): Buffer {
  const fingerprint = createHash("sha1").update(fingerprinted(pgp)).digest()
  const hashed = Buffer.concat([
    subpacket(SUBPACKET.created, uint32(atS)),
    subpacket(SUBPACKET.issuerFingerprint, Buffer.concat([Buffer.of(4), fingerprint])),
    more,
  ])
  const head = Buffer.concat([Buffer.of(4, type, EDDSA, SHA512), uint16(hashed.length), hashed])
  const trailer = Buffer.concat([Buffer.of(4, 0xff), uint32(head.length)])
  const digest = createHash("sha512").update(content).update(head).update(trailer).digest()
  const unhashed = subpacket(SUBPACKET.issuer, fingerprint.subarray(-8))
  const [r, s] = halves(sign(null, digest, pgp.key))
  const tail = [uint16(unhashed.length), unhashed, digest.subarray(0, 2), integer(r), integer(s)]
  return packet(PACKET.signature, Buffer.concat([head, ...tail]))
}

function keyBody({ key, createdS }: PgpKey): Buffer {
  const point = createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32)
  const curve = Buffer.concat([Buffer.of(ED25519_OID.length), ED25519_OID])
  return Buffer.concat([Buffer.of(4), uint32(createdS), Buffer.of(EDDSA), curve, integer(Buffer.of(0x40, ...point))])
}

function fingerprinted(pgp: PgpKey): Buffer {
  const body = keyBody(pgp)
  return Buffer.concat([Buffer.of(0x99), uint16(body.length), body])
}

function halves(bytes: Buffer): [Buffer, Buffer] {
  return [bytes.subarray(0, 32), bytes.subarray(32)]
}

function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0xc0 | tag, 0xff), uint32(body.length), body])
}

function subpacket(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(body.length + 1, type), body])
}

/** A number with its length in bits before it, and no zero bits at its head. */
function integer(bytes: Buffer): Buffer {
  const from = bytes.findIndex((byte) => byte !== 0)
  const rest = bytes.subarray(from)
  return Buffer.concat([uint16((rest.length - 1) * 8 + 32 - Math.clz32(rest[0]!)), rest])
}

function armored(what: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd()
  return `-----BEGIN PGP ${what}-----\n\n${lines}\n-----END PGP ${what}-----\n`
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
