import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { fromHex, fromUtf8, toHex, utf8 } from "../../base/bytes.ts"
import { BACKUP_PASSPHRASE_LENGTH_MIN } from "../../base/limits.ts"
import { parseJson } from "../../schema/json.ts"
import { HexSchema } from "../../schema/names.ts"
import { KeysError } from "./error.ts"
import { keyFile } from "./key-file.ts"
import { KEY_BYTES, KEY_NAMES } from "./keys.ts"
import { makeFolder } from "../folder.ts"

const KEY_LENGTH = 32
const SALT_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16
const PURPOSE = utf8("mesg backup keys v1")
/** 32 MiB and three passes: OWASP's scrypt setting that a gateway has the memory for. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 }

const hex = (bytes: number) => v.pipe(HexSchema, v.length(2 * bytes))
const SealedSchema = v.strictObject({
  v: v.literal(1),
  kdf: v.literal("scrypt-32768-8-3"),
  salt: hex(SALT_BYTES),
  cipher: v.literal("aes-256-gcm"),
  nonce: hex(NONCE_BYTES),
  sealed: v.pipe(HexSchema, v.minLength(2 * TAG_BYTES)),
})
const KeysSchema = v.strictObject({
  "node.key": hex(KEY_BYTES),
  "seal.key": hex(KEY_BYTES),
  "node-red": v.optional(v.string()),
})

/**
 * The keys of a home under a passphrase, for a backup.
 * @param dir `<home>/keys`
 * @param nodeRed under which a Node-RED beside the agent encrypts credentials, where there is one
 * @returns JSON text
 * @throws KeysError PASSPHRASE_SHORT
 */
export async function sealKeys(dir: string, passphrase: string, nodeRed: string | null): Promise<string> {
  if (passphrase.length < BACKUP_PASSPHRASE_LENGTH_MIN) {
    throw new KeysError(
      { code: "PASSPHRASE_SHORT" },
      `a passphrase has ${BACKUP_PASSPHRASE_LENGTH_MIN} characters or more`,
      { remedy: "take several words: whoever has the backup can guess as often as they like" },
    )
  }
  const named = Object.fromEntries(KEY_NAMES.map((name) => [name, toHex(keyFile(dir, name, KEY_BYTES))]))
  const keys = nodeRed === null ? named : { ...named, "node-red": nodeRed }
  const [salt, nonce] = [randomBytes(SALT_BYTES), randomBytes(NONCE_BYTES)]
  const cipher = createCipheriv("aes-256-gcm", await derive(passphrase, salt), nonce)
  cipher.setAAD(PURPOSE)
  const sealed = Buffer.concat([cipher.update(JSON.stringify(keys)), cipher.final(), cipher.getAuthTag()])
  const record: v.InferOutput<typeof SealedSchema> = {
    v: 1,
    kdf: "scrypt-32768-8-3",
    salt: toHex(salt),
    cipher: "aes-256-gcm",
    nonce: toHex(nonce),
    sealed: toHex(sealed),
  }
  return `${JSON.stringify(record)}\n`
}

/**
 * Writes the keys of a backup into a home that has none.
 * @param dir `<home>/keys`, made here
 * @returns what was given as `nodeRed`
 * @throws KeysError PASSPHRASE_WRONG, KEY_FILE_DAMAGED
 */
export async function restoreKeys(dir: string, text: string, passphrase: string): Promise<string | null> {
  const keys = await openSealed(text, passphrase)
  makeFolder(dir)
  for (const name of KEY_NAMES)
    writeFileSync(join(dir, name), `${keys[name]}\n`, { mode: 0o600, flag: "wx", flush: true })
  return keys["node-red"] ?? null
}

async function openSealed(text: string, passphrase: string): Promise<v.InferOutput<typeof KeysSchema>> {
  const parsed = parseJson(text)
  const record = parsed.ok ? v.safeParse(SealedSchema, parsed.value) : null
  if (record === null || !record.success) {
    throw new KeysError({ code: "KEY_FILE_DAMAGED", file: "keys.sealed" }, "the keys of the backup cannot be read", {
      remedy: "use another backup",
    })
  }
  const { salt, nonce, sealed } = record.output
  const bytes = fromHex(sealed)!
  const decipher = createDecipheriv("aes-256-gcm", await derive(passphrase, fromHex(salt)!), fromHex(nonce)!, {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(PURPOSE)
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new KeysError({ code: "PASSPHRASE_WRONG" }, "the passphrase does not open the keys of this backup", {
      remedy: "give the passphrase that it was made with, or restore --without-keys",
      cause,
    })
  }
  return v.parse(KeysSchema, JSON.parse(fromUtf8(plain) ?? ""))
}

function derive(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Typed on another keyboard it may be composed differently.
    scrypt(passphrase.normalize("NFC"), salt, KEY_LENGTH, SCRYPT, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}
