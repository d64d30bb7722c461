import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

/**
 * The key that releases are signed with: Ed25519, PKCS #8 in PEM. Who has it can make every gateway run what they like:
 * it belongs on no machine that builds other people's changes.
 * @param own made where it is not there yet, for releases of one's own; else the file must be there
 */
export function releaseKey(file: string, own: boolean): KeyObject {
  if (!existsSync(file)) {
    if (!own) throw new Error(`there is no key ${file}`)
    mkdirSync(dirname(file), { recursive: true })
    const { privateKey } = generateKeyPairSync("ed25519")
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" })
  }
  const key = createPrivateKey(readFileSync(file))
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`${file} is no Ed25519 key`)
  return key
}

/** @returns the public half as install.sh holds it: one line of base64 */
export function publicLine(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64")
}

/** Writes SHA256SUMS of all that is in the folder, and its signature: what install.sh believes. */
export function seal(folder: string, key: KeyObject): void {
  const sums = readdirSync(folder)
    .filter((name) => !name.startsWith("SHA256SUMS"))
    .sort()
    .map(
      (name) =>
        `${createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex")}  ${name}\n`,
    )
    .join("")
  writeFileSync(join(folder, "SHA256SUMS"), sums)
  writeFileSync(join(folder, "SHA256SUMS.sig"), sign(null, Buffer.from(sums), key))
}
