import { bech32 } from "@scure/base"
import { fromHex, toHex } from "./bytes.ts"
import { sha256 } from "./hash.ts"
import type { Branded } from "./ids.ts"

/** Whom a key speaks for: 40 lower-case hex digits, so that texts sort as the bytes do. docs/spec/ledger.md#addresses */
export type Address = Branded<"Address">

export const ADDRESS_BYTES = 20
const HUMAN = "mesg"
const SEPARATOR = "1"

/** @param publicKey the 32 bytes of an Ed25519 key; whether it may be registered is not asked here */
export function addressOf(publicKey: Uint8Array): Address {
  return toHex(sha256(publicKey).subarray(0, ADDRESS_BYTES)) as Address
}

/** @returns `mesg1…`, as people see it */
export function showAddress(address: Address): string {
  return bech32.encode(HUMAN, bech32.toWords(fromHex(address)!))
}

/** @returns the address of a text that `showAddress` wrote, also in upper case; null for any other */
export function readAddress(text: string): Address | null {
  if (!text.toLowerCase().startsWith(`${HUMAN}${SEPARATOR}`)) return null
  const decoded = bech32.decodeUnsafe(text)
  const bytes = decoded && bech32.fromWordsUnsafe(decoded.words)
  return bytes?.length === ADDRESS_BYTES ? (toHex(bytes) as Address) : null
}
